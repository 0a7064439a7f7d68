"""Entity tags (RFC 9110, 8.8.3 and 13): an edit of what somebody else changed meanwhile is refused.

A tag has one or two parts: what can be edited, and the whole. `If-None-Match` compares the whole,
so nobody is told that a balance is what it was. `If-Match` compares what can be edited, so a
payment that comes in does not refuse a new name.
"""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from flask import Response, request

from accounts_bank.api.schemas.accounts import account_view
from accounts_bank.api.schemas.users import user_view
from accounts_bank.http.messages import answer
from accounts_bank.identity import User
from accounts_bank.ledger.values import Account

_DIGITS = 16
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')
_ANY = "*"

Item = TypeVar("Item")


def tag_of_account(account: Account) -> str:
    """Give the tag of an account: the owner edits its name and its status."""
    return f"{_digest((account.name, account.status))}-{_digest(account_view(account))}"


def tag_of_user(user: User) -> str:
    """Give the tag of a user."""
    return _digest(user_view(user))


def if_match(tag_of: Callable[[Item], str]) -> Callable[[Item], bool] | None:
    """Read `If-Match`: what tells whether an item is one that it names; None where it is absent.

    A weak tag names nothing (RFC 9110, 13.1.1).
    """
    if "If-Match" not in request.headers:
        return None
    given = request.headers["If-Match"].strip()
    edited = {_edited(tag) for weak, tag in _TAG.findall(given) if not weak}
    return lambda item: given == _ANY or _edited(tag_of(item)) in edited


def tagged(value: Any, tag: str) -> Response:
    """Write a value with its tag, or 304 where `If-None-Match` names it."""
    headers = {"ETag": f'"{tag}"'}
    given = request.headers.get("If-None-Match", "").strip()
    is_known = given == _ANY or any(tag == each for _, each in _TAG.findall(given))
    if is_known and request.method in {"GET", "HEAD"}:
        return Response(status=304, headers=headers)
    return answer(value, headers=headers)


def _digest(value: Any) -> str:
    return sha256(msgspec.json.encode(value)).hexdigest()[:_DIGITS]


def _edited(tag: str) -> str:
    return tag.partition("-")[0]
