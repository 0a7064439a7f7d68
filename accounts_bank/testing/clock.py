"""The clock of a test bank."""

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from msgspec import Struct

from accounts_bank.collections.due_work import Fired
from accounts_bank.testing.client import Client

CLOCK = "/v1/sandbox/clock"


class Advanced(Struct, frozen=True):
    """The end of an advance, and the due entries that ran, in their order.

    `complete` is false after 10,000 of them: advance again to go on.
    """

    now: datetime
    fired: tuple[Fired, ...]
    next_due: datetime | None
    complete: bool


class Clock:
    """Reads and moves the time of one bank. It never moves back; restore a snapshot for that."""

    def __init__(self, admin: Client) -> None:
        """Take the admin of the bank."""
        self._admin = admin

    @property
    def now(self) -> datetime:
        """The time of the bank, in UTC."""
        return datetime.fromisoformat(self._state().now)

    @property
    def mode(self) -> Literal["real", "running", "frozen"]:
        """The mode; `running` is ahead of real time."""
        mode: Literal["real", "running", "frozen"] = self._state().mode
        return mode

    @property
    def next_due(self) -> datetime | None:
        """The next instant at which something is due."""
        due = self._state().next_due
        return datetime.fromisoformat(due) if due else None

    def advance(self, step: str | timedelta | datetime = "next_due") -> Advanced:
        """Advance; return after everything that is due has run.

        :param step: a duration (ISO 8601, such as `P1M`, or a timedelta), a time (RFC 3339 or a
            datetime with a zone), or `next_due`.
        :raises Refusal: the time is past, or no time.
        """
        answer = self._admin.post(f"{CLOCK}/advance", _body(step))
        return msgspec.convert(answer, Advanced)

    def freeze(self, now: datetime | str | None = None) -> None:
        """Let the clock stand, at a later time where one is given."""
        self._set("frozen", now)

    def run(self, now: datetime | str | None = None) -> None:
        """Let the clock go on, from a later time where one is given."""
        self._set("running", now)

    def _set(self, mode: str, now: datetime | str | None) -> None:
        self._admin.put(CLOCK, {"mode": mode} | ({} if now is None else {"now": text_of(now)}))

    def _state(self) -> Any:
        return self._admin.get(CLOCK)


def text_of(time: datetime | str) -> str:
    """Return a time as RFC 3339 writes it."""
    return time if isinstance(time, str) else time.isoformat()


def _body(step: str | timedelta | datetime) -> dict[str, str]:
    if isinstance(step, timedelta):
        return {"by": f"P{step.days}DT{step.seconds}.{step.microseconds:06}S"}
    text = text_of(step)
    return {"by" if text.startswith("P") else "to": text}
