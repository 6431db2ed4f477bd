"""The FastAPI server: ``create_app`` and its endpoints.

Endpoints only translate between HTTP and `service.Service`; limits and headers are in
asgi_edge.py. Every path but the page's is also there under ``/api``, so that a page can stand
in front.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any, Callable

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from captcha_ocr import __version__
from captcha_ocr.web import catalogue, forms, openapi, results, schemas
from captcha_ocr.web.asgi_edge import Edge, problem_response
from captcha_ocr.web.deadline import guard_uvicorn
from captcha_ocr.web.logs import RequestLog
from captcha_ocr.web.metrics import CONTENT_TYPE, Metrics
from captcha_ocr.web.problems import Problem
from captcha_ocr.web.service import Service, stop
from captcha_ocr.web.settings import Settings

router = APIRouter()


class Files(StaticFiles):
    """Files that a browser has to ask for anew, or it would show an old page's script.

    The last Starlette for Python 3.9 knows neither which methods it takes nor ``*``, any version.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        if scope["method"] != "GET":  # see Edge
            raise HTTPException(405, headers={"Allow": "GET"})
        return await super().get_response(path, scope)

    def is_not_modified(self, response_headers: Headers, request_headers: Headers) -> bool:
        any_version = request_headers.get("if-none-match", "").strip() == "*"
        return any_version or super().is_not_modified(response_headers, request_headers)

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


FILES = Files(directory=catalogue.STATIC)


def create_app(settings: Settings | None = None, service: Service | None = None) -> FastAPI:
    """The app. Settings come from the environment when none are given (see settings.py).

    Models load when the server starts, not here: importing an app must do nothing. A
    ``service`` that is passed in is used as it is, and stays open when the server stops.
    """
    settings = settings or Settings.from_env()
    catalogue.name_file_types()
    app = FastAPI(
        title="CAPTCHA OCR",
        version=__version__,
        description=openapi.DESCRIPTION,
        lifespan=_lifespan(settings, service),
        docs_url=None,  # Swagger's page loads its scripts from another host
        redoc_url=None,
        openapi_url=None,  # the router has it, and so /api does
        redirect_slashes=False,  # a redirect would name the host that the client claims
    )
    app.state.settings = settings
    app.state.metrics = service.metrics if service else Metrics()
    app.include_router(router)
    app.include_router(router, prefix="/api", include_in_schema=False)
    app.add_api_route("/", page, include_in_schema=False)  # not under /api: its links are relative
    app.mount("/static", FILES, name="static")
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    paths = {route.path for route in router.routes if isinstance(route, APIRoute)}
    routes = {"/", *paths, *("/api" + path for path in paths)}
    log = RequestLog(settings.log, app.state.metrics, routes)
    app.add_middleware(Edge, settings=settings, on_answer=log)
    return app


def _lifespan(settings: Settings, service: Service | None) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        guard_uvicorn(settings)
        if service is not None:
            app.state.service = service
            yield
            return
        predictors = await run_in_threadpool(catalogue.load_models, settings)
        app.state.service = Service(settings, predictors, app.state.metrics)
        yield
        await run_in_threadpool(stop, app.state.service)

    return lifespan


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = problem_response(Problem.from_status(error.status_code, str(error.detail)))
    response.headers.update(error.headers or {})  # Allow, for a wrong method
    if response.headers.get("allow") == "GET":
        response.headers["allow"] = "GET, HEAD"  # see Edge
    return response


@router.post(
    "/predict",
    response_model=schemas.PredictResponse,
    responses={200: {"content": openapi.STREAM}, **openapi.problems(400, 413, 415, 422, 429, 503)},
    openapi_extra=openapi.PREDICT,
)
async def predict(request: Request) -> Response:
    """Read one or more pictures."""
    started = time.perf_counter()
    service: Service = request.app.state.service
    with forms.FormReader(request.headers.get("content-type", ""), service.settings) as form:
        async for data in request.stream():
            form.write(data)
        uploads, fields = form.finish()
    futures = await run_in_threadpool(service.submit, uploads, service.options(fields))
    if results.wants_ndjson(request.headers.getlist("accept")):
        return StreamingResponse(_stream(futures, started), media_type=results.NDJSON)
    reading = asyncio.ensure_future(_all(futures))
    leaving = asyncio.ensure_future(request.receive())  # nothing but that the client has gone
    try:
        await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            raise ClientDisconnect
        done = await reading
    finally:
        leaving.cancel()
        reading.cancel()  # what has not begun is not read
    return _json(results.respond(done, _milliseconds(started)))


async def _all(futures: Sequence[Future[schemas.FileResult]]) -> list[schemas.FileResult]:
    return await asyncio.gather(*map(asyncio.wrap_future, futures))


async def _stream(
    futures: Sequence[Future[schemas.FileResult]], started: float
) -> AsyncIterator[str]:
    """A line a picture, in the order in which they are read."""
    waiting = [asyncio.wrap_future(future) for future in futures]
    try:
        for next_done in asyncio.as_completed(waiting):
            yield results.ndjson_line(await next_done)
        yield results.ndjson_end(len(waiting), _milliseconds(started))
    finally:  # the client may have gone: what has not begun is not read
        for future in waiting:
            future.cancel()


@router.get("/models", response_model=schemas.ModelsResponse)
def models(request: Request) -> Response:
    """The models that are loaded, with their figures."""
    service: Service = request.app.state.service
    return _json(service.models())


@router.get("/samples", response_model=schemas.SamplesResponse)
def samples() -> Response:
    """Pictures to try, with the text that is drawn in them."""
    return _json(catalogue.samples())


@router.get("/version", response_model=schemas.Version)
def version(request: Request) -> Response:
    """The version, and the limits a request has to keep."""
    return _json(catalogue.version(request.app.state.settings))


@router.get("/healthz", response_model=schemas.Health)
async def healthz() -> Response:
    """The process answers."""
    return _json(catalogue.health())


@router.get("/readyz", response_model=schemas.Health, responses=openapi.problems(503))
async def readyz() -> Response:
    """The models are loaded. uvicorn asks nothing of an app before they are."""
    return _json(catalogue.health())


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> Response:
    """Counters in Prometheus' text format."""
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE)


@router.get("/openapi.json", include_in_schema=False)
def openapi_document(request: Request) -> Response:
    root = request.scope.get("root_path", "")  # behind a proxy, see Edge
    servers = {"servers": [{"url": root}]} if root else {}
    return JSONResponse({**request.app.openapi(), **servers})


async def page(request: Request) -> Response:
    return await FILES.get_response("index.html", request.scope)


def _json(body: BaseModel) -> Response:
    return Response(body.model_dump_json(), media_type="application/json")


def _milliseconds(started: float) -> float:
    return (time.perf_counter() - started) * 1000
