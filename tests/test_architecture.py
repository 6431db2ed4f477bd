"""The house rules of the package: which way imports go, what stays light, how big a room is."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import missing
import pytest
from import_graph import (
    LEAVING_OUT,
    PACKAGE,
    SOURCE,
    TESTS,
    graph,
    imports,
    modules,
    needed,
    reachable,
)

# Later floors may import earlier ones. A helper that is not named here belongs to whoever imports
# it: it counts with everything that it imports itself.
FLOORS = [
    ["config", "charset", "files", "labels", "metrics", "arithmetic", "tables"],
    ["imaging", "decoding", "model_info"],
    ["datasets", "models"],
    ["checkpoint"],
    ["evaluation", "predictor", "runtimes", "exporting"],
    ["training"],
    ["cli", "web"],
]
# Reading pictures must work, and start quickly, where torch is not installed.
LIGHT = ["predictor", "cli.main", "cli.infer", "cli.eval", "cli.doctor"]
LIGHT += ["web.fastapi_app", "web.flask_app"]
HEAVY = ("torch", "torchvision", "cv2", "albumentations", "pandas", "matplotlib", "onnx")

MODULE_LINES, MODEL_LINES, FUNCTION_LINES, SCRIPT_LINES = 250, 150, 40, 80
REPOSITORY = SOURCE.parents[1]


def floor_of(name: str) -> int | None:
    """The floor of a dotted module name, or None for a helper and for other packages."""
    for number, names in enumerate(FLOORS):
        if any(f"{name}.".startswith(f"{PACKAGE}.{room}.") for room in names):
            return number
    return None


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


NAMED = [name for name in modules() if floor_of(name) is not None]


@pytest.mark.parametrize("name", NAMED)
def test_imports_go_one_way(name: str) -> None:
    floor = floor_of(name)
    assert floor is not None
    higher = {
        other
        for other in reachable({name})
        if other in modules() and (floor_of(other) or 0) > floor
    }
    assert not higher, f"{name} (floor {floor}) imports {sorted(higher)}"


def test_the_light_installation_collects_no_test_that_it_cannot_import() -> None:
    """CI runs it on Windows and macOS; one file that fails to import stops them all."""
    training = {"torch", "torchvision", "albumentations", "cv2", "safetensors", "rich", "onnx"}
    training |= {"matplotlib", "pyarrow", "yaml"}
    for path in sorted(TESTS.rglob("test_*.py")):
        heavy = needed(path) & training
        assert not heavy or heavy.intersection(LEAVING_OUT), f"{path.name} imports {heavy}"


def test_every_floor_is_inhabited() -> None:
    """A renamed module must not slip out of the rules above."""
    rooms = {room for names in FLOORS for room in names}
    assert {room for room in rooms if f"{PACKAGE}.{room}" not in modules()} == set()


def test_no_import_cycles() -> None:
    ours = {name: graph()[name] & set(modules()) for name in modules()}
    while ours:
        free = [name for name, imported in ours.items() if not imported]
        assert free, f"these import each other in a circle: {sorted(ours)}"
        ours = {
            name: imported.difference(free) for name, imported in ours.items() if name not in free
        }


@pytest.mark.parametrize("name", LIGHT)
def test_light_modules_import_nothing_heavy(name: str) -> None:
    """In a fresh interpreter, as a user's program would."""
    code = f"import sys, {PACKAGE}.{name}\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_importing_the_package_imports_no_third_party() -> None:
    code = f"import sys, {PACKAGE}; print([m for m in ('numpy', 'PIL') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


OTHER_ROOMS = [
    path
    for folder in ("scripts", "hf_spaces/space")
    for path in sorted((REPOSITORY / folder).glob("*.py"))
]


@pytest.mark.parametrize("path", [*modules().values(), *OTHER_ROOMS], ids=name_of)
def test_rooms_are_small(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    limit = MODEL_LINES if path.parent.name == "models" else MODULE_LINES
    assert lines < limit, f"{lines} lines; split it by meaning"
    long = {label: size for label, size in functions(path) if size >= FUNCTION_LINES}
    assert not long, f"functions of {FUNCTION_LINES} lines or more: {long}"


def scripts() -> list[Path]:
    folders = ("full-pipeline", "full-pipeline/tools", "training-ready", "demo", "hf_spaces")
    return [path for folder in folders for path in sorted((REPOSITORY / folder).glob("*.py"))]


@pytest.mark.parametrize("path", scripts(), ids=name_of)
def test_scripts_are_a_door_not_a_room(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) < SCRIPT_LINES
    assert "sys.path" not in source, "install the package instead (pip install -e .)"


@pytest.mark.parametrize("path", sorted((REPOSITORY / "scripts").glob("*.py")), ids=name_of)
def test_a_users_mistake_ends_a_script_in_one_line(path: Path) -> None:
    """By the commands' own wrapper, but where a script has to run without the package."""
    if PACKAGE not in {name.partition(".")[0] for name in imports(path)}:
        return
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == "main":
            assert "command" in map(ast.unparse, node.decorator_list), "see cli/common.py"


@pytest.mark.parametrize("path", sorted((REPOSITORY / "scripts").glob("*.py")), ids=name_of)
def test_a_missing_package_ends_a_script_in_one_line(path: Path, tmp_path: Path) -> None:
    """What is not of the base installation is imported ``with missing.in_one_line()``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if "__main__" not in ast.unparse(tree):
        return  # a helper ends with the script that imports it
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.With) and "in_one_line" in ast.unparse(node.items[0]))
    ]
    (tmp_path / path.name).write_text(ast.unparse(tree), encoding="utf-8")
    found = {name.partition(".")[0] for name in needed(tmp_path / path.name)}
    extras = {
        PACKAGE,
        *HEAVY,
        "torchvision",
        "safetensors",
        "yaml",
        "pyarrow",
        "pydantic",
        "playwright",
    }
    assert not found & {*extras, "nbformat", "nbclient"}


@pytest.mark.parametrize(
    ("script", "package", "install"),
    [
        ("record_runs", "yaml", 'pip install -e ".[train]"'),
        ("notebooks", "nbformat", 'pip install -e ".[dev]"'),
        ("first_answer", "playwright", 'pip install -e ".[dev]"'),
    ],
)
def test_the_line_says_what_installs_it(script: str, package: str, install: str) -> None:
    code = (
        f"import runpy, sys; sys.modules[{package!r}] = None; sys.path[0] = 'scripts'; "
        f"sys.argv = ['{script}.py']; runpy.run_path('scripts/{script}.py', run_name='__main__')"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert install in done.stderr


def test_without_the_project_a_script_says_so() -> None:
    with pytest.raises(SystemExit, match="another environment is active"), missing.in_one_line():
        raise ModuleNotFoundError(name=PACKAGE)
    with pytest.raises(ModuleNotFoundError), missing.in_one_line():  # a defect of ours
        raise ModuleNotFoundError(name=f"{PACKAGE}.nothing")


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and length of every function, its docstring not counted."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1 - docstring_lines(node)


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(node, clean=False) is None:
        return 0
    text = node.body[0]
    assert text.end_lineno is not None
    return text.end_lineno - text.lineno + 1
