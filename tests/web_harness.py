"""Both servers behind one small client, so that each test asks both the same question."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from captcha_ocr.predictor import load_predictors
from captcha_ocr.web import fastapi_app, flask_app
from captcha_ocr.web.metrics import Metrics
from captcha_ocr.web.service import Service
from captcha_ocr.web.settings import Settings
from drawing import barcode
from fastapi.testclient import TestClient
from PIL import Image

BASE = "http://127.0.0.1:8000"
Result = TypeVar("Result")
File = tuple[str, bytes]  # name, content
Part = tuple[str, str, bytes]  # field, name, content


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    data: bytes

    def json(self) -> Any:
        return json.loads(self.data)

    @property
    def code(self) -> str:
        """The code of a problem document."""
        assert self.headers["content-type"] == "application/problem+json", self.data
        document = self.json()
        assert document["status"] == self.status
        return str(document["code"])


class Asked:
    """What FastAPI's and Flask's clients have in common."""

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        raise NotImplementedError

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, {k.replace("_", "-"): v for k, v in headers.items()}, b"")

    def predict(
        self,
        files: Sequence[File],
        fields: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        path: str = "/predict",
        field: str = "files",
    ) -> Answer:
        content_type, body = multipart([(field, *file) for file in files], fields)
        return self.send("POST", path, {"Content-Type": content_type, **(headers or {})}, body)

    def read(self, text: str, **fields: str) -> dict[str, Any]:
        """The result for one picture that the tiny model can read."""
        answer = self.predict([("a.png", barcode(text))], list(fields.items()))
        assert answer.status == 200, answer.data
        result: dict[str, Any] = answer.json()["results"][0]
        return result


class FastApiAsked(Asked):
    def __init__(self, client: TestClient) -> None:
        self.client = client

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        response = self.client.request(method, path, headers=headers, content=body)
        return Answer(response.status_code, lower(response.headers.items()), response.content)


class FlaskAsked(Asked):
    def __init__(self, app: Any) -> None:
        self.client = app.test_client()

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        response = self.client.open(
            path, base_url=BASE, method=method, headers=headers, data=body, buffered=True
        )
        return Answer(response.status_code, lower(response.headers.items()), response.data)


def lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


def multipart(parts: Sequence[Part], fields: Sequence[tuple[str, str]]) -> tuple[str, bytes]:
    """Content type and body of a form; written by hand, so that hostile names stay as they are."""
    mark = "----test-mark"
    body = io.BytesIO()
    for name, value in fields:
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        body.write(head.encode() + value.encode() + b"\r\n")
    for field, name, content in parts:
        head = (
            f'--{mark}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
            "Content-Type: image/png\r\n\r\n"
        )
        body.write(head.encode() + content + b"\r\n")
    body.write(f"--{mark}--\r\n".encode())
    return f"multipart/form-data; boundary={mark}", body.getvalue()


def encode(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def write_two_models(folder: Path) -> Path:
    """Fill a weights folder with two models that read `draw_barcode` pictures."""
    pytest.importorskip("onnx", reason="the export extra builds the tiny model")
    from tiny_model import write_tiny_model

    write_tiny_model(folder, "vanilla_crnn")
    write_tiny_model(folder, "svtr_tiny")
    return folder


def make_service(weights: Path, **settings: Any) -> Service:
    patient = {"answer_seconds": 300.0}  # a busy machine is no failure
    chosen = Settings(**{"log": "off", **patient, **settings})
    return Service(chosen, load_predictors(["all"], weights, threads=1), Metrics())


def open_server(kind: str, service: Service) -> Iterator[Asked]:
    """``kind`` is fastapi or flask; the service stays the caller's."""
    if kind == "flask":
        yield FlaskAsked(flask_app.create_app(service.settings, service))
        return
    app = fastapi_app.create_app(service.settings, service)
    with TestClient(app, base_url=BASE, client=("127.0.0.1", 50000)) as client:
        yield FastApiAsked(client)


def run_apart(task: Coroutine[Any, Any, Result]) -> Result:
    """In a thread of its own: this one may have Playwright's event loop in it."""
    with ThreadPoolExecutor(1) as elsewhere:
        return elsewhere.submit(asyncio.run, task).result()
