"""What is deployed, as far as that goes without a container engine: linted, packaged as the image
packages it, and nginx in front of two servers that read."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from captcha_ocr.model_info import find_models
from captcha_ocr.web.settings import BODIES, Settings
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


def test_the_package_holds_the_models_and_the_page_and_no_tests(tmp_path: Path) -> None:
    """The list that `python -m build` packs, from which it then makes the wheel."""
    pytest.importorskip("setuptools", minversion="77", reason="builds the package")
    code = "import setuptools; setuptools.setup()"
    command = [sys.executable, "-c", code, "--quiet", "egg_info", "--egg-base", str(tmp_path)]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    listed = (tmp_path / "captcha_ocr.egg-info" / "SOURCES.txt").read_text(encoding="utf-8")
    found = {line for line in listed.splitlines() if "egg-info" not in line}
    package = REPOSITORY / "full-pipeline" / "captcha_ocr"
    weights = [
        package / "weights" / f"{arch}.{kind}"
        for arch in find_models()
        for kind in ("json", "onnx")
    ]
    others = [
        path
        for path in package.rglob("*")
        if path.is_file() and path.parent.name not in ("weights", "__pycache__")
    ]
    top = {"LICENSE", "MANIFEST.in", "README.md", "pyproject.toml"}
    assert found == top | {one.relative_to(REPOSITORY).as_posix() for one in [*weights, *others]}


def test_what_the_image_copies_is_all_it_needs(tmp_path: Path) -> None:
    """Its two stages with this Python and its packages: install, serve, ask for its health."""
    pytest.importorskip("setuptools", minversion="77", reason="builds the package")
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


def test_every_container_has_room_for_the_bodies_of_requests() -> None:
    """Their /tmp is memory too: nginx, killed for it, takes both servers away."""
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    services = re.findall(r"^ {4}<<: \*hardened$", text, re.MULTILINE)
    limits = re.findall(r"^ {4}mem_limit: (\d+)([mg])\b", text, re.MULTILINE)
    assert len(limits) == len(services) == 3
    for number, unit in limits:
        assert int(number) << {"m": 20, "g": 30}[unit] >= 2 * BODIES


needs_nginx = pytest.mark.skipif(
    not shutil.which("nginx"), reason="no nginx: apt-get install nginx-light"
)


@needs_nginx
def test_nginx_shares_requests_and_survives_a_server(tmp_path: Path) -> None:
    weights = str(write_two_models(tmp_path / "weights"))
    settings = {"weights": weights, "log": "off", "rate": "0"}
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(serve("uvicorn", tmp_path, **settings)) for _ in range(2)]
        balancer = stack.enter_context(nginx([live.port for live in readers], tmp_path))
        page = stack.enter_context(serve("flask", tmp_path, "--upstream", balancer.url, log="off"))
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


class Busy(BaseHTTPRequestHandler):
    """A server whose queue is full."""

    def do_GET(self) -> None:
        self.answer(200)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(503)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@needs_nginx
def test_nginx_takes_no_busy_server_for_a_dead_one(tmp_path: Path) -> None:
    """It shut out each that had said 503, and then answered 502 by itself for ten seconds."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Busy) for _ in range(2)]
    with contextlib.ExitStack() as stack:
        for server in servers:
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, daemon=True).start()
        balancer = stack.enter_context(nginx([one.server_port for one in servers], tmp_path))
        for _ in range(6):
            answer = balancer.predict(barcode("42"))
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")


@contextlib.contextmanager
def nginx(ports: list[int], folder: Path) -> Iterator[Live]:
    """nginx with the configuration of compose, but for addresses and the place of its files."""
    port = free_port()
    text = NGINX.read_text(encoding="utf-8")
    (options,) = re.findall(r"server api:8000( .*)?;", text)
    servers = " ".join(f"server 127.0.0.1:{one}{options};" for one in ports)
    for old, new in (
        (f"server api:8000{options};", servers),
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
            live = Live(process, port, conf)
            wait_until_up(live)
            yield live
        finally:
            process.terminate()
