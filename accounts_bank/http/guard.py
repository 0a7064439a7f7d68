"""Checks before a view runs, the same for the API and the pages."""

from collections.abc import Iterable

from flask import request

from accounts_bank.collections.permissions import Permission, may
from accounts_bank.errors import Forbidden, NotFound
from accounts_bank.http.bank import bank
from accounts_bank.identity import Caller

_NUL = "\0"
"""No id contains it, and PostgreSQL refuses to look for one that does."""


def require(caller: Caller, permission: Permission) -> None:
    """Check that a caller's role has a permission.

    :raises Forbidden: it has not.
    """
    if not may(caller.role, permission):
        raise Forbidden(f"This is not for the role `{caller.role}`.")


def refuse_nul(values: Iterable[str]) -> None:
    """Check that no part of a path or a query contains NUL.

    :raises NotFound: one does.
    """
    if any(_NUL in value for value in values):
        raise NotFound


def spend_payment(caller: Caller) -> None:
    """Count a payment against the caller's rate limit.

    :raises TooManyRequests: the caller exceeds the limit.
    """
    bank().limits.money.spend(request.remote_addr or "", caller.id)
