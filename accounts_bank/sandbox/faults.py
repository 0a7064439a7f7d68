"""Faults of a bank: answers that are refused, late, cut or lost on purpose, and counted.

A request that matches counts for each fault that it matches; the oldest fault with hits left acts.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from accounts_bank.concurrency.greenlets import InlineLock
from accounts_bank.errors import InvalidRequest, NotFound, SandboxFull
from accounts_bank.ledger.iban import canonical, numbers_for
from accounts_bank.sandbox.ids import IdState, SeededIds

FAULTS_MAX = 100
TIMES_MAX, TTL_MAX_S = 10_000, 86_400
DELAY_MAX_MS, TRUNCATE_MAX = 60_000, 1 << 30

Name = Annotated[str, Meta(min_length=1, max_length=100)]
Count = Annotated[int, Meta(ge=1, le=TIMES_MAX)]
TtlS = Annotated[int, Meta(ge=1, le=TTL_MAX_S, description="In seconds of real time.")]
Probability = Annotated[float, Meta(gt=0, le=1)]
Seed = int | Annotated[str, Meta(min_length=1, max_length=100)]


class Match(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The requests that a fault acts on: all to the API where no field is given.

    :param operation: an `operationId` of the OpenAPI document.
    :param user: the id or the username of the caller.
    :param account: the id or number of an account that the path or the body names.
    :param nth: the first request that the fault acts on, counted from 1 among those that match.
    """

    operation: Name | None = None
    user: Name | None = None
    account: Name | None = None
    nth: Count | None = None


class Effect(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The effect of a fault: one of `answer`, `delay_ms`, `drop` and `truncate`.

    :param answer: a status; the bank does nothing.
    :param code: the code of the problem; without it the usual one of the status.
    :param delay_ms: the time by which the true answer is late.
    :param drop: the connection is closed without a byte, before the bank acts or after its commit.
    :param truncate: so many bytes of the true answer arrive, counted from its status line.
    """

    answer: Annotated[int, Meta(ge=200, le=599)] | None = None
    code: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$(?!\n)")] | None = None
    retry_after_s: Annotated[int, Meta(ge=0, le=TTL_MAX_S)] | None = None
    delay_ms: Annotated[int, Meta(ge=0, le=DELAY_MAX_MS)] | None = None
    drop: Literal["before", "after_commit"] | None = None
    truncate: Annotated[int, Meta(ge=0, le=TRUNCATE_MAX)] | None = None

    def check(self) -> None:
        """Check that the effect is one alone.

        :raises InvalidRequest: it is none or several.
        """
        kinds = (self.answer, self.delay_ms, self.drop, self.truncate)
        if sum(each is not None for each in kinds) != 1:
            message = "Send one of `answer`, `delay_ms`, `drop` and `truncate`."
            raise InvalidRequest(message, pointer="/do")
        if self.answer is None and (self.code, self.retry_after_s) != (None, None):
            raise InvalidRequest("`code` and `retry_after_s` go with `answer`.", pointer="/do")


def effect_of(text: str) -> Effect:
    """Read an effect that is written as text, such as `answer=503; retry_after_s=1`.

    :raises InvalidRequest: it is no effect.
    """
    fields = dict(part.strip().partition("=")[::2] for part in text.split(";"))
    try:
        effect = msgspec.convert(fields, Effect, strict=False)
    except msgspec.ValidationError:
        raise InvalidRequest("Write an effect as `drop=after_commit` or `answer=503`.") from None
    effect.check()
    return effect


class Plan(Struct, frozen=True, kw_only=True):
    """A fault to make.

    :param times: the most hits.
    :param ttl_s: the fault ends after so many seconds of real time.
    :param probability: the share of the matching requests that it acts on, drawn from `seed`.
    """

    match: Match
    do: Effect
    times: int = 1
    ttl_s: int = 300
    probability: float | None = None
    seed: Seed = 0


class Hit(Struct, frozen=True):
    """A request that a fault acted on, and the time of the bank."""

    request_id: str
    operation: str
    at: datetime


class Fault(Struct, frozen=True, kw_only=True):
    """A fault, the number of requests that matched, and its hits."""

    id: str
    plan: Plan
    ends_at: datetime
    seen: int = 0
    hits: tuple[Hit, ...] = ()

    def left(self, now: datetime) -> int:
        """Return the number of hits that are left."""
        return self.plan.times - len(self.hits) if now < self.ends_at else 0

    def is_drawn(self) -> bool:
        """Return whether the request that was counted last is one to act on."""
        if self.seen < (self.plan.match.nth or 1):
            return False
        share = self.plan.probability
        return share is None or Random(f"{self.plan.seed}:{self.seen}").random() < share  # noqa: S311 - no secret


class Call(Struct, frozen=True):
    """A request: its id, its operation, the names of its caller and of its accounts."""

    request_id: str
    operation: str
    is_sandbox: bool
    users: frozenset[str]
    accounts: frozenset[str]

    def fits(self, match: Match) -> bool:
        """Return whether a fault matches. A call of the sandbox must be named."""
        if match.operation is None and self.is_sandbox:
            return False
        return (
            match.operation in {None, self.operation}
            and (match.user is None or match.user.lower() in self.users)
            and (match.account is None or any(map(_same_as(match.account), self.accounts)))
        )


class FaultsState(Struct, frozen=True):
    """The faults as they are saved, with the real time of that moment."""

    at: datetime
    ids: IdState
    faults: tuple[Fault, ...] = ()


class Faults:
    """The faults of one bank, in the order of their making."""

    def __init__(
        self, real: Callable[[], datetime], clock: Callable[[], datetime], seed: str
    ) -> None:
        """Begin without faults.

        :param real: gives the real time, in which faults end.
        :param clock: gives the time of the bank, for ids and hits.
        :param seed: of the ids, which are other ids than those of the books.
        """
        self._real, self._clock = real, clock
        self._ids = SeededIds(clock, f"faults of {seed}")
        self._lock = InlineLock()
        self._faults: dict[str, Fault] = {}

    def __bool__(self) -> bool:
        """Return whether there are faults."""
        return bool(self._faults)

    @property
    def now(self) -> datetime:
        """The real time."""
        return self._real()

    def add(self, plan: Plan) -> Fault:
        """Make a fault. The oldest one that has ended makes room.

        :raises SandboxFull: there are too many.
        """
        now = self._real()
        with self._lock:
            if len(self._faults) >= FAULTS_MAX:
                ended = (each.id for each in self._faults.values() if not each.left(now))
                if (oldest := next(ended, None)) is None:
                    raise SandboxFull("Delete a fault first.")
                del self._faults[oldest]
            ends_at = now + timedelta(seconds=plan.ttl_s)
            fault = Fault(id=self._ids(), plan=plan, ends_at=ends_at)
            self._faults[fault.id] = fault
        return fault

    def all(self) -> list[Fault]:
        """Return the faults, the oldest first."""
        with self._lock:
            return list(self._faults.values())

    def fault(self, fault_id: str) -> Fault:
        """Return a fault.

        :raises NotFound: there is none of this id.
        """
        found = self._faults.get(fault_id)
        if found is None:
            raise NotFound
        return found

    def drop(self, fault_id: str) -> None:
        """Delete a fault.

        :raises NotFound: there is none of this id.
        """
        if self._faults.pop(fault_id, None) is None:
            raise NotFound

    def clear(self) -> None:
        """Delete all faults."""
        with self._lock:
            self._faults.clear()

    def hit(self, call: Call) -> Effect | None:
        """Count a request; return the effect of the fault that acts on it, if any."""
        found, now = None, self._real()
        with self._lock:
            for fault in list(self._faults.values()):
                if not fault.left(now) or not call.fits(fault.plan.match):
                    continue
                counted = replace(fault, seen=fault.seen + 1)
                if found is None and counted.is_drawn():
                    hit = Hit(call.request_id, call.operation, self._clock())
                    counted = replace(counted, hits=(*counted.hits, hit))
                    found = counted.plan.do
                self._faults[fault.id] = counted
        return found

    def state(self) -> FaultsState:
        """Return the faults as they are saved."""
        return FaultsState(self._real(), self._ids.state(), tuple(self.all()))

    def restore(self, state: FaultsState) -> None:
        """Take over saved faults, with the time that was left of each."""
        passed = self._real() - state.at
        faults = (replace(each, ends_at=each.ends_at + passed) for each in state.faults)
        with self._lock:
            self._ids.restore(state.ids)
            self._faults = {each.id: each for each in faults}


def _same_as(name: str) -> Callable[[str], bool]:
    """Return a test of names: whether one is the same account, by id or by number."""
    wanted = canonical(name)
    numbers = numbers_for(wanted)
    return lambda other: other == wanted or other in numbers or wanted in numbers_for(other)
