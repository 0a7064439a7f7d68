"""The idempotency key of a form. It is a part of the address of the form's page.

A reload, the back button and a second tab keep the key, so the form takes effect once.
"""

import re
from collections.abc import Callable
from typing import TypeVar

from flask import request
from uuid_utils import uuid7

from accounts_bank.collections.client import keyed_id
from accounts_bank.errors import NotFound
from accounts_bank.identity import Caller

Done = TypeVar("Done")

_KEY = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def new_key() -> str:
    """Return a key for a new form, a UUIDv7."""
    return str(uuid7())


def form_key() -> str | None:
    """Return the key of the request's form, if it has a valid one."""
    key = request.values.get("key", "")
    return key if _KEY.fullmatch(key) else None


def find_by_key(read: Callable[..., Done], caller: Caller, *kind: str, key: str) -> Done | None:
    """Return the result of a form that was sent before, or None.

    :param read: a method of a collection that takes the caller, the kind and an entry id.
    :param key: the key of the form.
    """
    try:
        return read(caller, *kind, keyed_id(caller.id, key))
    except NotFound:
        return None
