"""Entity tags (RFC 9110, 8.8.3 and 13): an edit over another user's edit is refused.

A tag has one or two parts: the editable fields, and the whole. `If-None-Match` compares the whole:
a new balance is a new tag. `If-Match` compares the editable fields: an incoming payment does not
refuse a new name.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from werkzeug.datastructures import ETags

from accounts_bank.api.schemas.accounts import account_view
from accounts_bank.api.schemas.users import user_view
from accounts_bank.http.answers import Answer
from accounts_bank.identity import User
from accounts_bank.ledger.values import Account

_DIGITS = 16

Item = TypeVar("Item")


def tag_of_account(account: Account) -> str:
    """Return the tag of an account: the owner edits name, status and metadata."""
    edited = account.name, account.status, account.metadata
    return f"{_digest(edited)}-{_digest(account_view(account))}"


def tag_of_user(user: User) -> str:
    """Return the tag of a user."""
    return _digest(user_view(user))


def matcher(if_match: ETags | None, tag_of: Callable[[Item], str]) -> Callable[[Item], bool] | None:
    """Return a test whether `If-Match` names an item; None where the header is absent.

    A weak tag names nothing (RFC 9110, 13.1.1).
    """
    if if_match is None:
        return None
    edited = {_edited(tag) for tag in if_match.as_set() if tag}
    return lambda item: if_match.star_tag or _edited(tag_of(item)) in edited


def tagged(value: Any, tag: str, if_none_match: ETags | None = None) -> Answer:
    """Answer with a value and its tag, or with 304 where `If-None-Match` names the tag."""
    if if_none_match is not None and if_none_match.contains_weak(tag):
        return Answer(status=304, etag=tag)
    return Answer(value, etag=tag)


def _digest(value: Any) -> str:
    return sha256(msgspec.json.encode(value)).hexdigest()[:_DIGITS]


def _edited(tag: str) -> str:
    return tag.partition("-")[0]
