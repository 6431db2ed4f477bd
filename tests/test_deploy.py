"""What is deployed, as far as that goes without a container engine: linted, packaged as the image
packages it, and nginx in front of two servers that read."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from captcha_ocr.web.settings import Settings
from web_harness import barcode, write_two_models
from web_live import Live, free_port, serve, wait_until_up

REPOSITORY = Path(__file__).parents[1]
DOCKERFILE = REPOSITORY / "Dockerfile"
NGINX = REPOSITORY / "deploy" / "nginx.conf"
pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("linter", "file"), [("hadolint", "Dockerfile"), ("compose-lint", "docker-compose.yml")]
)
def test_files_are_clean(linter: str, file: str) -> None:
    program = shutil.which(
        linter, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    if program is None:
        pytest.skip(f"{linter} is not installed; the dev extra brings it on Linux x86-64")
    done = subprocess.run(
        [program, str(REPOSITORY / file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def copied(stage: str) -> Iterator[tuple[list[str], str]]:
    """Sources and target of each COPY from the repository."""
    for line in re.findall(r"^COPY (?!--from)(.*)$", stage, re.MULTILINE):
        *sources, target = line.split()
        yield sources, target


def test_the_builder_is_sent_what_the_image_copies() -> None:
    """What .dockerignore keeps back cannot be copied, and the build ends there."""
    lines = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line[1:] for line in lines if line.startswith("!")}
    wanted = {one for sources, _ in copied(DOCKERFILE.read_text("utf-8")) for one in sources}
    assert "*" in lines and wanted == sent


def test_what_the_image_copies_is_all_it_needs(tmp_path: Path) -> None:
    """Its two stages with this Python and its packages: install, serve, ask for its health."""
    pytest.importorskip("setuptools", minversion="70.1", reason="builds the package")
    build, final = re.split(r"^FROM .*$", DOCKERFILE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    folders = {"build": build, "app": final}
    for name, stage in folders.items():
        for sources, target in copied(stage):
            for source in sources:
                copy(REPOSITORY / source, tmp_path / name / target, as_is=len(sources) == 1)
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(site), "."], cwd=tmp_path / "build", check=True)
    port = free_port()
    environ = {k: v for k, v in os.environ.items() if not k.startswith("CAPTCHA_OCR_")}
    environ.update({"PYTHONPATH": str(site), "PORT": str(port)})
    command = ["uvicorn", "server_fastapi:app", "--host", "127.0.0.1", "--port", str(port)]
    log = tmp_path / "log"
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=tmp_path / "app",
            env=environ,
            stdout=file,
            stderr=file,
        ) as process,
    ):
        try:
            live = Live(process, port, log)
            wait_until_up(live)
            assert len(live.ask("GET", "/models").json()["models"]) >= 1
            assert b"<title>CAPTCHA OCR" in live.ask("GET", "/").data
            health = re.search(r'"-c", \\\n  "(.*)"\]$', final, re.MULTILINE)
            assert health
            script = health.group(1).replace('\\"', '"')
            proxy = {"http_proxy": "http://127.0.0.1:1"}  # Docker's own settings may put one there
            subprocess.run([sys.executable, "-c", script], env={**environ, **proxy}, check=True)
        finally:
            process.terminate()


def copy(source: Path, target: Path, *, as_is: bool) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        return
    target = target if as_is and target.suffix else target / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def test_nginx_fits_the_limits_on_both_sides() -> None:
    """Its own would hide the servers' answers; and the page in front waits no minute."""
    text, settings = NGINX.read_text(encoding="utf-8"), Settings()

    def value(name: str) -> int:
        (found,) = re.findall(rf"^\s*{name} (\d+)[ms]?;", text, re.MULTILINE)
        return int(found)

    assert value("client_max_body_size") << 20 > settings.max_body_bytes
    assert value("proxy_read_timeout") > settings.answer_seconds
    tries = value("proxy_next_upstream_tries")
    assert tries * value("proxy_connect_timeout") < settings.answer_seconds


@pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx: apt-get install nginx-light")
def test_nginx_shares_requests_and_survives_a_server(tmp_path: Path) -> None:
    weights = str(write_two_models(tmp_path / "weights"))
    settings = {"weights": weights, "log": "off", "rate": "0"}
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(serve("uvicorn", tmp_path, **settings)) for _ in range(2)]
        balancer = stack.enter_context(nginx([live.port for live in readers], tmp_path))
        page = stack.enter_context(serve("flask", tmp_path, "--upstream", balancer, log="off"))
        for _ in range(6):
            assert page.predict(barcode("42")).json()["results"][0]["text"] == "42"
        counts = [live.ask("GET", "/metrics").data.count(b'path="/predict"') for live in readers]
        assert all(counts), "one of the two servers was asked nothing"
        readers[0].process.terminate()
        readers[0].process.wait()
        for _ in range(4):
            assert page.predict(barcode("7")).json()["results"][0]["text"] == "7"
        stream = page.predict(barcode("1"), b"no", Accept="application/x-ndjson")
        assert stream.data.count(b"\n") == 3


@contextlib.contextmanager
def nginx(ports: list[int], folder: Path) -> Iterator[str]:
    """nginx with the configuration of compose, but for addresses and the place of its files."""
    port = free_port()
    text = NGINX.read_text(encoding="utf-8")
    servers = " ".join(f"server 127.0.0.1:{one};" for one in ports)
    for old, new in (
        ("server api:8000;", servers),
        ("listen 8080;", f"listen 127.0.0.1:{port};"),
        ("/tmp/", f"{folder}/"),
    ):
        assert old in text
        text = text.replace(old, new)
    conf = folder / "nginx.conf"
    conf.write_text(text, encoding="utf-8")
    command = ["nginx", "-c", str(conf), "-p", str(folder), "-g", "daemon off;"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until_up(Live(process, port, conf))
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
