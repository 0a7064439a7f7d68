"""The last requests to the API of a bank with their answers, without secrets."""

import re
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

KEPT_MAX = 200
SHOWN_MAX_BYTES = 2_000
HIDDEN = "..."
_SECRET = re.compile("password|token|secret", re.IGNORECASE)


class Exchange(Struct, frozen=True, gc=False):
    """A request and its answer.

    :param at: the time of the bank.
    :param fault: the effect of a fault of the sandbox; "" for none.
    :param request: the body as JSON; "" for none. `answer` likewise.
    """

    at: datetime
    request_id: str
    method: str
    path: str
    status: int
    user_id: str
    fault: str
    request: str
    answer: str


class Exchanges:
    """The last exchanges of one bank."""

    def __init__(self) -> None:
        self._kept: deque[Exchange] = deque(maxlen=KEPT_MAX)

    def add(self, exchange: Exchange) -> None:
        """Keep an exchange; it may replace the oldest one."""
        self._kept.append(exchange)

    def newest_first(self) -> Iterator[Exchange]:
        """Yield the exchanges."""
        return reversed(list(self._kept))


def shown(body: bytes) -> str:
    """Return a body as JSON with secrets left out; the size of one that is long or no JSON."""
    if not body:
        return ""
    if len(body) <= SHOWN_MAX_BYTES:
        try:
            return msgspec.json.encode(_without_secrets(msgspec.json.decode(body))).decode()
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            pass
    return f"{len(body)} bytes"


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: HIDDEN if _SECRET.search(name) else _without_secrets(each)
            for name, each in value.items()
        }
    return [_without_secrets(each) for each in value] if isinstance(value, list) else value
