"""`@operation`: what a view takes, answers and asks of its caller, in one place.

It guards the view (token, role, rate limit, query) and is what the OpenAPI document is made from,
so the two cannot drift apart. A route under /v1 without one fails the build.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import request
from msgspec import Struct

from accounts_bank.api.tokens import caller
from accounts_bank.errors import Forbidden, NotFound
from accounts_bank.http.bank import bank
from accounts_bank.http.fields import Input
from accounts_bank.http.messages import parse_query
from accounts_bank.http.middleware import USER_ID
from accounts_bank.identity import Role

EVERYONE: frozenset[Role] | None = None
"""No token is asked for."""

SIGNED_IN = frozenset(Role)
CUSTOMERS = SIGNED_IN - {Role.AUDITOR}
"""Who may change accounts and move money: an auditor changes nothing."""
TELLERS = frozenset({Role.TELLER})
AUDITORS = frozenset({Role.AUDITOR})
ADMINS = frozenset({Role.ADMIN})
STAFF = SIGNED_IN - {Role.CUSTOMER}

_NUL = "\0"
"""No id has it, and PostgreSQL does not even take the question."""

View = TypeVar("View", bound=Callable[..., Any])


class Operation(Struct, frozen=True, kw_only=True):
    """The contract of one route and method."""

    summary: str
    who: frozenset[Role] | None
    answer: Any = None
    status: int = 200
    body: type[Input] | None = None
    query: type[Input] | None = None
    codes: tuple[str, ...] = ()
    item_codes: tuple[str, ...] = ()
    is_page: bool = False
    is_money: bool = False
    is_tagged: bool = False
    media_types: tuple[str, ...] = ("application/json",)
    takes_refresh_token: bool = False


class _NoQuery(Input, frozen=True):
    """A route that takes no query parameter refuses them all: a typo must not move money."""


def operation(
    summary: str, *, who: frozenset[Role] | None, **contract: Any
) -> Callable[[View], View]:
    """Declare a view's contract and enforce it.

    The view is called with the caller (unless `who` is EVERYONE), the query (if it takes one) and
    the parts of the path.
    """
    declared = Operation(summary=summary, who=who, **contract)

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(**path: str) -> Any:
            arguments = [_allowed_caller(declared)] if who is not None else []
            query = parse_query(declared.query or _NoQuery)
            if any(_NUL in part for part in path.values()):
                raise NotFound
            arguments += [query] if declared.query else []
            return view(*arguments, **path)

        guarded.operation = declared  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return declare


def _allowed_caller(declared: Operation) -> Any:
    asking = caller()
    request.environ[USER_ID] = asking.id
    if declared.who is not None and asking.role not in declared.who:
        raise Forbidden(f"This is not for the role `{asking.role}`.")
    if declared.is_money:
        bank().limits.money.spend(request.remote_addr or "", asking.id)
    return asking
