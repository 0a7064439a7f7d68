"""Checks before a view runs, the same for the API and the pages."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from flask import Flask, request
from werkzeug.exceptions import HTTPException

from accounts_bank.collections.permissions import Permission, may
from accounts_bank.errors import Forbidden, NotFound, ScopeMissing, TooManyRequests
from accounts_bank.http.bank import bank
from accounts_bank.http.middleware import RATE_LIMIT_HEADERS
from accounts_bank.http.quotas import headers
from accounts_bank.identity import Caller, Scope
from accounts_bank.observability.wsgi import Environment

View = TypeVar("View", bound=Callable[..., object])

_HASHES = "hashes_password"
_NUL = "\0"
"""No id contains it, and PostgreSQL refuses to look for one that does."""


def hashes_password(view: View) -> View:
    """Mark a view that hashes a password on POST, for the gateway.

    `functools.wraps` carries the mark to a wrapper.
    """
    setattr(view, _HASHES, True)
    return view


def hashing_matcher(app: Flask) -> Callable[[Environment], bool]:
    """Return a function that tells whether a request matches a view that hashes a password.

    It matches as Flask does, so the two differ about no spelling of a path.
    """
    urls, views = app.url_map.bind(""), app.view_functions

    def hashes(environment: Environment) -> bool:
        path = environment["PATH_INFO"].encode("latin-1").decode(errors="replace")
        try:
            endpoint, _ = urls.match(path, environment["REQUEST_METHOD"])
        except HTTPException:
            return False
        return hasattr(views[endpoint], _HASHES)

    return hashes


def require(caller: Caller, permission: Permission) -> None:
    """Check that a caller's role has a permission.

    :raises Forbidden: it has not.
    """
    if not may(caller.role, permission):
        raise Forbidden(
            f"You need the permission `{permission.value}`. An admin can change your role."
        )


def require_scope(caller: Caller, scope: Scope | None) -> None:
    """Check that a key has the scope that opens an operation; a person needs none.

    :param scope: None for an operation that no key opens.
    :raises ScopeMissing: the key has it not.
    """
    if caller.key is not None and (scope is None or scope not in caller.key.scopes):
        raise ScopeMissing(scope)


def refuse_nul(values: Iterable[str]) -> None:
    """Check that no part of a path or a query contains NUL.

    :raises NotFound: one does.
    """
    if any(_NUL in value for value in values):
        raise NotFound


def spend_payment(caller: Caller, items: int = 1) -> None:
    """Count items that move money against the caller's quota, and tell it in headers.

    :raises TooManyRequests: the caller exceeds the quota.
    """
    standings = bank().limits.money.take(caller.id, items)
    request.environ[RATE_LIMIT_HEADERS] = headers(standings)
    waits_s = [each.retry_after_s for each in standings if each.retry_after_s is not None]
    if waits_s:
        raise TooManyRequests(max(waits_s))
