"""The Flask server: the same paths, bodies and limits as fastapi_app.py, and the page.

It reads pictures itself, or hands the API's paths to a FastAPI server (see upstream.py). What
belongs to this process, health and metrics, it always answers itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, as_completed

from flask import Blueprint, Flask, Response, current_app, g, request, send_from_directory
from pydantic import BaseModel
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.http import parse_date

from captcha_ocr.web import catalogue, forms, results, schemas
from captcha_ocr.web.access import (
    SECURITY_HEADERS,
    RateLimiter,
    check_host,
    check_origin,
    check_path,
)
from captcha_ocr.web.flask_routes import StrictFlask
from captcha_ocr.web.logs import RequestLog
from captcha_ocr.web.metrics import CONTENT_TYPE, Metrics
from captcha_ocr.web.problems import PROBLEM_TYPE, Problem
from captcha_ocr.web.service import Service, stop
from captcha_ocr.web.settings import Settings
from captcha_ocr.web.upstream import Upstream

logger = logging.getLogger(__name__)
api = Blueprint("api", __name__)


def create_app(
    settings: Settings | None = None,
    service: Service | None = None,
    upstream: Upstream | None = None,
) -> Flask:
    """The app. Without a service and an upstream it loads the models of the settings, now.

    Raises ModelError when the weights are missing or broken.
    """
    settings = settings or Settings.from_env()
    catalogue.name_file_types()
    if upstream is None and service is None:
        service = Service(settings, catalogue.load_models(settings), Metrics())
    app = StrictFlask(__name__, static_folder=str(catalogue.STATIC), static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    metrics = service.metrics if service else Metrics()
    app.get("/")(page)  # not under /api: its links are relative
    app.register_blueprint(api)
    app.register_blueprint(api, name="prefixed", url_prefix="/api")
    log = RequestLog(settings.log, metrics, [rule.rule for rule in app.url_map.iter_rules()])
    app.extensions["captcha_ocr"] = _State(settings, service, upstream, metrics, log)
    app.before_request(_admit)
    app.after_request(_finish)
    app.register_error_handler(Problem, _problem_response)
    app.register_error_handler(HTTPException, _on_http_exception)
    app.register_error_handler(Exception, _on_error)
    return app


def close_app(app: Flask) -> None:
    """For the end of the process; see `service.stop`."""
    state: _State = app.extensions["captcha_ocr"]
    if not state.upstream:
        stop(state.service)


class _State:
    """What the app keeps between requests."""

    def __init__(
        self,
        settings: Settings,
        service: Service | None,
        upstream: Upstream | None,
        metrics: Metrics,
        log: RequestLog,
    ) -> None:
        self.settings, self.upstream, self.metrics, self.log = settings, upstream, metrics, log
        self._service = service
        self.limiter = RateLimiter(settings.rate, settings.burst)
        self.openapi: bytes | None = None

    @property
    def service(self) -> Service:
        if self._service is None:
            raise RuntimeError("this app has an upstream and reads nothing itself")
        return self._service


def _state() -> _State:
    state: _State = current_app.extensions["captcha_ocr"]
    return state


def _admit() -> None:
    """Before the body is looked at. Raises Problem."""
    g.started = time.perf_counter()
    for name in ("HTTP_RANGE", "HTTP_IF_MATCH"):  # whole files only, and they are never written
        request.environ.pop(name, None)
    try:
        parse_date(request.headers.get("If-Modified-Since"))
    except OverflowError:  # the year 999999: send_file would fall over it
        del request.environ["HTTP_IF_MODIFIED_SINCE"]
    check_host(request.headers.get("Host"), _state().settings.hosts)
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        check_origin(request.headers.get("Origin"), request.headers.get("Host"))
        _state().limiter.check(request.remote_addr or "unknown")
    check_path(request.path)


def _finish(response: Response) -> Response:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    for name in ("Accept-Ranges", "Content-Disposition"):
        response.headers.pop(name, None)
    seconds = time.perf_counter() - g.started
    client = request.remote_addr or "unknown"
    _state().log(request.method, request.path, response.status_code, seconds, client)
    return response


def _problem_response(problem: Problem) -> Response:
    return Response(
        problem.body, problem.status, headers=dict(problem.headers), mimetype=PROBLEM_TYPE
    )


def _on_http_exception(error: HTTPException) -> Response:
    if isinstance(error, RequestEntityTooLarge):
        return _problem_response(Problem.body_too_large(_state().settings.max_body_bytes))
    response = _problem_response(Problem.from_status(error.code or 500, error.name))
    response.headers.extend(
        [(name, value) for name, value in error.get_headers() if name == "Allow"]
    )
    return response


def _on_error(error: Exception) -> Response:
    logger.exception("an error of the server")
    return _problem_response(Problem("internal", "an error of the server; its log says more"))


@api.post("/predict")
def predict() -> Response:
    state, started = _state(), time.perf_counter()
    if state.upstream:
        return state.upstream.predict(request)
    with forms.FormReader(request.headers.get("Content-Type", ""), state.settings) as form:
        while data := request.stream.read(forms.BLOCK):
            form.write(data)
        uploads, fields = form.finish()
    futures = state.service.submit(uploads, state.service.options(fields))
    if results.wants_ndjson(request.headers.getlist("Accept")):
        return Response(_stream(futures, started), mimetype=results.NDJSON)
    done = [future.result() for future in futures]
    return _json(results.respond(done, _milliseconds(started)))


def _stream(futures: Sequence[Future[schemas.FileResult]], started: float) -> Iterator[str]:
    """A line a picture, in the order in which they are read."""
    try:
        for future in as_completed(futures):
            yield results.ndjson_line(future.result())
        yield results.ndjson_end(len(futures), _milliseconds(started))
    finally:  # the client may have gone: what has not begun is not read
        for future in futures:
            future.cancel()


@api.get("/models")
def models() -> Response:
    state = _state()
    if state.upstream:
        return state.upstream.get("/models")
    service = state.service
    return _json(service.models())


@api.get("/samples")
def samples() -> Response:
    return _json(catalogue.samples())


@api.get("/version")
def version() -> Response:
    state = _state()
    return (
        state.upstream.get("/version")
        if state.upstream
        else _json(catalogue.version(state.settings))
    )


@api.get("/healthz")
def healthz() -> Response:
    return _json(catalogue.health())


@api.get("/readyz")
def readyz() -> Response:
    """Behind an upstream this server is ready when the upstream is."""
    state = _state()
    return state.upstream.get("/readyz") if state.upstream else _json(catalogue.health())


@api.get("/metrics")
def metrics() -> Response:
    return Response(_state().metrics.text(), content_type=CONTENT_TYPE)


@api.get("/openapi.json")
def openapi_document() -> Response:
    """FastAPI's document: both servers answer the same."""
    from captcha_ocr.web import fastapi_app

    state = _state()
    if state.openapi is None:
        document = fastapi_app.create_app(state.settings).openapi()
        state.openapi = current_app.json.dumps(document).encode()
    return Response(state.openapi, mimetype="application/json")


def page() -> Response:
    return send_from_directory(catalogue.STATIC, "index.html")


def _json(body: BaseModel) -> Response:
    return Response(body.model_dump_json(), mimetype="application/json")


def _milliseconds(started: float) -> float:
    return (time.perf_counter() - started) * 1000
