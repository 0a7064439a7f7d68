"""The common parts of all pages: permissions, rendering and errors."""

import re
from collections.abc import Callable
from functools import partial, wraps
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException

from accounts_bank.api.problems import MEDIA_TYPE
from accounts_bank.collections.permissions import Permission, may
from accounts_bank.errors import Forbidden
from accounts_bank.http.bank import bank
from accounts_bank.http.guard import refuse_nul, require
from accounts_bank.web import sessions
from accounts_bank.web.sessions import ForeignForm, SignedOut

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_FOLDER = re.compile("/[^/]*/?")
_SECRET = "password"  # noqa: S105 - a part of the names of password fields
_CSRF_FIELD = "csrf_token"
_OWN_SITES = frozenset({"same-origin", "none", None})

View = Callable[..., Response]
"""A view of a page: takes the caller and the parts of the path."""


def signed_in(permission: Permission) -> Callable[[View], View]:
    """Open a page to signed-in users with a permission.

    The view is called with the caller and the parts of the path.
    """

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(**path: str) -> Response:
            caller = sessions.current_caller()
            require(caller, permission)
            refuse_nul((*path.values(), *request.args.values()))
            return view(caller, **path)

        return guarded

    return guard


def page(template: str, status: int = 200, **context: Any) -> Response:
    """Render a page. It is not cached and loads no resources of other sites."""
    caller = g.get("caller")
    can = {each.value: caller is not None and may(caller.role, each) for each in Permission}
    is_sandbox = bank().sandbox is not None
    html = render_template(
        f"web/{template}.html", caller=caller, can=can, is_sandbox=is_sandbox, **context
    )
    response = Response(html, status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


def redirect(path: str, **query: str) -> Response:
    """Redirect to another page of the bank with GET (303), so a reload sends no form again."""
    where = request.script_root + (f"{path}?{urlencode(query)}" if query else path)
    return Response(status=303, headers={"Location": where, "Cache-Control": "no-store"})


def register(app: Flask) -> None:
    """Show errors as pages if the browser asks for HTML.

    The app already has the routes of the API. Errors below their first folders stay problems.
    """
    folders = tuple({_FOLDER.findall(rule.rule)[0] for rule in app.url_map.iter_rules()})
    app.register_error_handler(SignedOut, _sign_in_and_back)
    app.register_error_handler(ForeignForm, _foreign_form)
    app.before_request(partial(_refuse_other_sites, folders))
    app.after_request(sessions.renew)
    app.after_request(partial(_problem_as_page, folders))


def _refuse_other_sites(folders: tuple[str, ...]) -> None:
    """Refuse a form of another site, by the headers that only browsers set.

    `Sec-Fetch-Site` (W3C, Fetch Metadata) and `Origin` (RFC 6454) are each enough to refuse. A page
    that sends no referrer has the origin `null`: `Sec-Fetch-Site` must then confirm the site. A
    client that is no browser sends neither, and holds no cookies of another visitor.

    :raises Forbidden: the form is of another site.
    """
    if request.method != "POST" or request.path.startswith(folders):
        return
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    own = {request.host.lower()} | ({"null"} if site == "same-origin" else set())
    is_ours = origin is None or (urlsplit(origin).netloc or origin).lower() in own
    if not is_ours or site not in _OWN_SITES:
        raise Forbidden("This form was sent from another site. Open the page of the bank itself.")


def _sign_in_and_back(_error: SignedOut) -> Response:
    """Redirect a signed-out visitor to the sign-in page, which leads back to the filled form."""
    why = "ended" if request.method == "POST" else "needed"
    return redirect("/sign-in", next=_current_address(), why=why)


def _foreign_form(_error: ForeignForm) -> Response:
    return page("foreign_form", 403, again=_current_address())


def _current_address() -> str:
    """Return the address of this page, with the values of its form and without passwords.

    Every form is sent to the address that shows it.
    """
    try:
        given = request.form if request.method == "POST" else request.args
    except HTTPException:  # the body is too large or incomplete
        return request.path
    kept = [
        (name, value)
        for name, value in given.items(multi=True)
        if name != _CSRF_FIELD and _SECRET not in name
    ]
    return f"{request.path}?{urlencode(kept)}" if kept else request.path


def _problem_as_page(folders: tuple[str, ...], response: Response) -> Response:
    """Replace a problem response by a page if the browser asks for HTML outside `folders`."""
    if response.status_code < 400 or response.mimetype != MEDIA_TYPE:  # noqa: PLR2004
        return response
    asks_for_page = "text/html" in request.headers.get("Accept", "")
    if not asks_for_page or request.path.startswith(folders):
        return response
    problem = msgspec.json.decode(response.get_data())
    retry = request.form.items(multi=True) if problem["code"] == "unavailable" else ()
    shown = page("problem", response.status_code, problem=problem, retry=list(retry))
    for name in ("Allow", "Retry-After"):
        if name in response.headers:
            shown.headers[name] = response.headers[name]
    return shown
