"""The history of a run: each request of each client, its moments and its answers."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple

import msgspec

DONE = frozenset({200, 201})
REFUSED = 422
DECIDED = DONE | {REFUSED}
UNDECIDED = 503
WITHOUT_KEY = frozenset({"open", "freeze", "unfreeze"})
"""Kinds of calls whose routes take no key. A repetition is harmless, or opens one more account."""


class Answer(NamedTuple):
    """An answer of the bank, without its request id."""

    status: int
    body: Any
    is_replayed: bool = False


class Effect(NamedTuple):
    """The lines that a request asks for: (account id, signed amount), under one reference."""

    reference: str
    legs: tuple[tuple[str, int], ...]


class Try(NamedTuple):
    """One sending of a request. The answer is None where none came."""

    sent_s: float
    ended_s: float
    answer: Answer | None


class Call(msgspec.Struct):
    """A request that changes something, with all of its tries."""

    client: int
    key: str
    kind: str
    path: str
    body: dict[str, Any]
    effects: tuple[Effect, ...] = ()
    of: str = ""
    """The id of the hold, the transfer or the account that the request is about."""
    tries: list[Try] = []
    began_s: float = msgspec.field(default_factory=monotonic)

    @property
    def first(self) -> Try | None:
        """The first try that was decided."""
        tries = (each for each in self.tries if each.answer and each.answer.status in DECIDED)
        return next(tries, None)

    @property
    def answer(self) -> Answer | None:
        return self.first.answer if self.first else None

    @property
    def is_done(self) -> bool:
        return bool(self.answer and self.answer.status in DONE)

    @property
    def is_refused(self) -> bool:
        return bool(self.answer and self.answer.status == REFUSED)

    @property
    def acknowledged_s(self) -> float:
        """The moment of the first answer, infinity where the call is not known to be done."""
        return self.first.ended_s if self.first and self.is_done else float("inf")


class Read(NamedTuple):
    """One reading of an account: its balance, or its newest lines; or of all accounts at once."""

    client: int
    kind: str
    account_id: str
    began_s: float
    ended_s: float
    answer: Answer


class History:
    """Calls by key, and reads. Each call is in the file before it is sent."""

    def __init__(self, file: Path | None = None) -> None:
        self.calls: dict[str, Call] = {}
        self.reads: list[Read] = []
        self.answered_s: list[float] = []
        self.served_s: dict[int, float] = {}
        """For each client, when it sent the last try that was decided."""
        self.done_count = 0
        self.credit_minor: dict[str, int] = {}
        """The credit limits that the teller gave, by account."""
        self._file = file.open("ab") if file else None
        self._lock = Lock()

    def begin(self, call: Call) -> Call:
        self.calls[call.key] = call
        self._write({"asked": [call.key, call.path, call.body]})
        return call

    def end(self, call: Call, tried: Try) -> None:
        call.tries.append(tried)
        if tried.answer:
            self.answered_s.append(tried.ended_s)
            if tried.answer.status in DECIDED:
                self.served_s[call.client] = tried.sent_s
        with self._lock:
            self.done_count += call.is_done and call.first is tried
        self._write({"answered": [call.key, *tried[:2], tried.answer]})

    def read(self, read: Read) -> None:
        self.reads.append(read)
        self.answered_s.append(read.ended_s)

    def done(self, kind: str = "") -> Iterator[Call]:
        """Give the calls that were acknowledged, of one kind or of all."""
        calls = list(self.calls.values())
        return (each for each in calls if each.is_done and kind in {"", each.kind})

    def silence_s(self, began_s: float, ended_s: float) -> float:
        """Return the longest time between two answers, of any client, in a period."""
        moments = sorted(each for each in self.answered_s if began_s < each < ended_s)
        moments = [began_s, *moments, ended_s]
        return max(after - before for before, after in pairwise(moments))

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        if self._file:
            with self._lock:
                self._file.write(msgspec.json.encode(line) + b"\n")
                self._file.flush()


def effects_of(calls: Iterable[Call]) -> Iterator[tuple[Call, Effect]]:
    return ((call, effect) for call in calls for effect in call.effects)
