"""The idempotency key of a form: it stands in the address of the page that shows the form.

So a reload, the back button and a second tab with the same page have the same key, and what is sent
from any of them is done once.
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
    """Make a key for a form, a UUIDv7."""
    return str(uuid7())


def form_key() -> str | None:
    """Read the key of the form that is shown or sent."""
    key = request.values.get("key", "")
    return key if _KEY.fullmatch(key) else None


def done_with(read: Callable[..., Done], caller: Caller, *kind: str, key: str) -> Done | None:
    """Find with a collection's way to read what was done already with a form's key."""
    try:
        return read(caller, *kind, keyed_id(caller.id, key))
    except NotFound:
        return None
