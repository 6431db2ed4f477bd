"""The documents say what is there: same structure in both languages, links, commands, flags."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
from functools import cache
from pathlib import Path

import pytest
from captcha_ocr.cli.main import COMMANDS, main

REPOSITORY = Path(__file__).parents[1]
ENGLISH, CHINESE = REPOSITORY / "README.md", REPOSITORY / "README.zh-CN.md"
FENCE = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
# Scripts that a reader runs, and the command of ours behind each.
SCRIPTS = {
    "train.py": "train",
    "eval.py": "eval",
    "infer.py": "infer",
    "server_fastapi.py": "serve",
    "server_flask.py": "serve",
    "merge_datasets.py": "merge",
    "export_models.py": "export",
}
VARIANTS = {"serve": (["fastapi"], ["flask"]), "data": ([], ["report"], ["import"])}
NEED_TORCH = ("train", "eval", "export")
# Programs of others: their flags are not ours to check.
OTHERS = {"java", "javac", "mvn", "pip", "uvicorn", "cat", "pytest", "py", "docker", "make"}
OTHERS |= {"python", "python3", "cd", "curl", "git", "export", "dask", ".", "source", "activate"}
OTHERS |= {"hf", "node", "torchrun"}
FLAG = re.compile(r"(?<![\w-])--[a-zA-Z][\w-]+")
# Of docker compose, uvicorn and pip.
FLAGS_OF_OTHERS = {"--build", "--scale", "--forwarded-allow-ips", "--timeout-graceful-shutdown"}
FLAGS_OF_OTHERS |= {"--index-url"}
# An environment may have any name; docs/releasing.md makes one in build/.
NOT_OURS = ("build", "dist", "node_modules", "site-packages", "target")


def documents() -> list[Path]:
    """Ours: not those of environments, caches and builds."""

    def ours(path: Path) -> bool:
        folders = path.relative_to(REPOSITORY).parts[:-1]
        return not any(name.startswith(".") or name in NOT_OURS for name in folders)

    return [path for path in sorted(REPOSITORY.rglob("*.md")) if ours(path)]


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def prose(path: Path) -> str:
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def commands(path: Path) -> list[list[str]]:
    """The command lines of a document's shell blocks, as words; comments and pipes' heads gone."""
    found = []
    for language, block in FENCE.findall(path.read_text(encoding="utf-8")):
        if language in ("bash", "powershell", "sh"):
            lines = block.replace("\\\n", " ").splitlines()
            for line in lines:
                for part in re.split(r" \| | && ", line):
                    posix = language != "powershell"
                    words = shlex.split(part, comments=True, posix=posix)
                    found += [words] if words else []
    return found


@cache
def help_text(command: str) -> str:
    """What ``--help`` prints, for all that a command can do together."""
    printed = io.StringIO()
    for variant in VARIANTS.get(command, ([],)):
        with contextlib.redirect_stdout(printed), pytest.raises(SystemExit) as caught:
            main([command, *variant, "--help"])
        assert caught.value.code == 0
    return printed.getvalue()


def program_of(words: list[str]) -> str:
    return words[0].replace("\\", "/").rpartition("/")[2]


def is_known(words: list[str]) -> bool:
    """A program of others, a variable, or a script that is really there."""
    name = program_of(words[1:] if words[0] == "python" and words[1:] else words)
    if name.endswith(".py"):
        folders = ("*", "full-pipeline/*", "docs/examples")
        return any(found for folder in folders for found in REPOSITORY.glob(f"{folder}/{name}"))
    return program_of(words) in OTHERS or "=" in words[0]


def ours(words: list[str]) -> tuple[str, list[str]] | None:
    """The command of ours that a line runs, and its arguments; None for a program of others."""
    words = words[1:] if program_of(words) == "python" and words[1:] else words
    name = program_of(words)
    if name == "captcha-ocr":
        return words[1], words[2:]
    return (SCRIPTS[name], words[1:]) if name in SCRIPTS else None


def translated() -> list[Path]:
    """The English documents that have a Chinese counterpart beside them."""
    return [path for path in documents() if chinese(path).is_file()]


def chinese(path: Path) -> Path:
    return path.with_name(f"{path.stem}.zh-CN.md")


in_both_languages = pytest.mark.parametrize("path", translated(), ids=name_of)


@in_both_languages
def test_both_languages_have_the_same_structure(path: Path) -> None:
    def outline(path: Path) -> list[int]:
        return [len(marks) for marks in re.findall(r"^(#+) ", prose(path), re.MULTILINE)]

    def rows(path: Path) -> list[int]:
        return [row.count("|") for row in re.findall(r"^\|.*\|$", prose(path), re.MULTILINE)]

    assert outline(path) == outline(chinese(path))
    assert rows(path) == rows(chinese(path))


@in_both_languages
def test_both_languages_have_the_same_code(path: Path) -> None:
    english, other = (
        FENCE.findall(document.read_text(encoding="utf-8")) for document in (path, chinese(path))
    )
    assert english == other


@in_both_languages
def test_both_languages_have_the_same_links_and_pictures(path: Path) -> None:
    def targets(path: Path) -> list[str]:
        found = re.findall(r"\]\(([^)#]+)", prose(path))
        return sorted(target.replace(".zh-CN.md", ".md") for target in found)

    assert targets(path) == targets(chinese(path))


@in_both_languages
def test_links_stay_in_their_language(path: Path) -> None:
    """Where there is a document of that language; the only other link is that between the two."""

    def files(path: Path) -> set[Path]:
        found = re.findall(r"\]\(([^)#\s]+\.md)", prose(path))
        return {(path.parent / target).resolve() for target in found}

    english = {twin.resolve() for twin in translated()}
    assert files(chinese(path)) & english == {path.resolve()}
    assert files(path) & set(map(chinese, english)) == {chinese(path).resolve()}


@in_both_languages
def test_both_languages_have_the_same_figures(path: Path) -> None:
    def figures(path: Path) -> list[str]:
        text = re.sub(r"\]\([^)]*\)|`[^`]*`", "", prose(path))  # links and code are compared above
        return sorted(re.findall(r"[0-9][0-9,]*(?:\.[0-9]+)?", text.replace(",", "")))

    assert figures(path) == figures(chinese(path))


def test_what_users_read_is_in_both_languages() -> None:
    names = {name_of(path) for path in translated()}
    assert names >= {"README.md", "docs/tutorial/README.md"}
    pages = set(map(name_of, (REPOSITORY / "docs").glob("*[!N].md")))  # not those in Chinese
    assert pages - names == {"docs/releasing.md"}


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if not re.match(r"[a-z]+:", target):
            file, _, anchor = target.partition("#")
            assert (path.parent / file).exists(), f"{path.name} links to {target}"
            if anchor:
                text = prose(path.parent / file if file else path)
                headings = map(slug, re.findall(r"^#+ (.*)$", text, re.MULTILINE))
                assert anchor in headings, f"{path.name} links to {target}"


def slug(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_bold_and_addresses_end_where_they_should(path: Path) -> None:
    """Chinese has no spaces: `**` between a stop and a letter stays `**`, an address goes on."""
    text = re.sub(r"`[^`]*`", "``", prose(path))
    for before, bold, after in re.findall(r"(\w?)\*\*((?:.|\n(?!\n))+?)\*\*(\w?)", text):
        assert re.match(r"\w", bold) or not before, f"{path.name}: {before}**{bold}"
        assert re.search(r"\w\Z", bold) or not after, f"{path.name}: {bold}**{after}"
    assert not re.findall(r"(?<![(<])https?://[!-~]*[^\x00-\x7f].*", text), path.name


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_commands_exist_and_know_their_flags(path: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for words in commands(path):
        if words[0] == "make":
            assert set(words[1:]) - {w for w in words if "=" in w} <= targets, words
        found = ours(words)
        if found is None:
            assert is_known(words), f"{path.name}: what is {words}?"
            continue
        command, arguments = found
        assert command in COMMANDS, f"{path.name}: captcha-ocr has no command {command!r}"
        if command in NEED_TORCH:
            pytest.importorskip("torch", reason=f"{command} needs torch")
        for flag in (word.partition("=")[0] for word in arguments if word.startswith("--")):
            assert re.search(rf"{flag}\b", help_text(command)), f"{path.name}: {command} {flag}"


@pytest.mark.parametrize("path", [ENGLISH, CHINESE], ids=lambda path: path.name)
def test_flags_in_the_text_exist(path: Path) -> None:
    """`--like-this` in a sentence is a flag of one of our commands, or of a program in a block."""
    pytest.importorskip("torch", reason="the help of train needs torch")
    known = "\n".join(help_text(command) for command in COMMANDS)
    known += "\n".join(block for _, block in FENCE.findall(path.read_text(encoding="utf-8")))
    for code in re.findall(r"`([^`\n]+)`", prose(path)):
        if code.startswith("--"):
            flag = code.split()[0]
            assert re.search(rf"{flag}\b", known), f"{path.name} speaks of {flag}"


@cache
def flags_in_the_code() -> frozenset[str]:
    """Of commands, scripts and generators; `serve` and `merge` put some of theirs together."""
    folders = ("full-pipeline/captcha_ocr", "full-pipeline/tools/java_captcha/src/main", "scripts")
    files = [file for folder in folders for file in (REPOSITORY / folder).rglob("*.*")]
    sources = [file for file in files if file.suffix in (".py", ".java")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in sources)
    return frozenset(FLAG.findall(text + help_text("serve") + help_text("merge")))


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_flags_of_every_document_are_in_the_code(path: Path) -> None:
    """Also of scripts and generators, and where torch is missing."""
    found = set(FLAG.findall(" ".join(re.findall(r"`([^`\n]+)`", prose(path)))))
    assert found <= flags_in_the_code() | FLAGS_OF_OTHERS, path.name


def test_the_readme_reads_from_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = REPOSITORY / "full-pipeline/captcha_ocr/web/static/samples/ruoyi-1.png"
    shutil.copyfile(sample, tmp_path / "picture.png")
    monkeypatch.chdir(tmp_path)
    [code] = [
        block
        for language, block in FENCE.findall(ENGLISH.read_text("utf-8"))
        if language == "python"
    ]
    exec(code, {})
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"(\d)[-+*/](\d)=\? 0\.\d+ \d+", first)
    assert second.count(",") == 2
