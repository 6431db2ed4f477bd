"""A Flask that answers the paths and methods that are written down, and no others."""

from __future__ import annotations

from typing import Any, Callable, NoReturn

from flask import Flask, Request
from werkzeug.exceptions import NotFound
from werkzeug.routing import RequestRedirect


class StrictFlask(Flask):
    """Flask adds OPTIONS to every path and redirects from one with other slashes; FastAPI's side
    does neither, and such a redirect would name the host that the client claims."""

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        provide_automatic_options: bool | None = False,
        **options: Any,
    ) -> None:
        super().add_url_rule(rule, endpoint, view_func, False, **options)

    def raise_routing_exception(self, request: Request) -> NoReturn:
        if isinstance(request.routing_exception, RequestRedirect):
            raise NotFound
        super().raise_routing_exception(request)
