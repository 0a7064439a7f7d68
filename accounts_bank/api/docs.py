"""/openapi.json, and pages to read it: /docs to try it out, /docs/errors for every code."""

from typing import Any

from flask import Blueprint, Response, current_app, render_template, request

from accounts_bank.api.openapi import document
from accounts_bank.api.problems import CATALOGUE
from accounts_bank.api.registry import operations_of
from accounts_bank.api.views import write
from accounts_bank.http.answers import Answer
from accounts_bank.http.bank import bank

docs = Blueprint(
    "docs",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/docs/static",
)

_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'"
)


@docs.get("/openapi.json")
def openapi() -> Response:
    """Serve the contract; a client that has it already is told so (304)."""
    response = write(Answer(_document()))
    response.add_etag()
    response.make_conditional(request)
    return response


@docs.get("/docs")
def read_and_try() -> Response:
    """Serve a page to read the contract and try it, with nothing loaded from elsewhere."""
    return _page("docs.html")


@docs.get("/docs/errors")
def error_codes() -> Response:
    """Serve the catalogue of errors."""
    return _page("errors.html", catalogue=CATALOGUE)


def _page(template: str, **context: Any) -> Response:
    response = Response(render_template(template, **context), mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


def _document() -> dict[str, Any]:
    app = current_app
    if "accounts.openapi" not in app.extensions:
        app.extensions["accounts.openapi"] = document(operations_of(bank().settings))
    found: dict[str, Any] = app.extensions["accounts.openapi"]
    return found | {"servers": [{"url": request.script_root or "/"}]}
