"""Due work: submits the entries of one bank that are due. Holds expire and schedules run.

The id of a due entry derives from its hold or its run. Two processes, or one process before and
after a crash, therefore submit the same entry; the second submission is a replay.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from threading import Event, Lock
from time import monotonic
from typing import Literal, TypeVar

from msgspec import Struct

from accounts_bank.collections.client import Clock, OnSaved, keyed_id
from accounts_bank.errors import NotDecided
from accounts_bank.ledger.actions import Expire, Schedule, Transfer
from accounts_bank.ledger.entries import Entry, Needs, Outcome, Recorded
from accounts_bank.ledger.values import BANK_ID, Progress, Status
from accounts_bank.stores.base import AccountStore

BATCH_MAX = 500
PAUSE_S = 0.5
"""The pause before another look at a store that did not answer."""
PAUSE_MAX_S = 60.0
"""The longest pause before a failed entry is tried again."""
DOUBLED_MAX = 10
"""The pause doubles after each unexpected error of the runner, at most this often."""
END_OF_TIME = datetime.max.replace(tzinfo=UTC)

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class Fired(Struct, frozen=True, omit_defaults=True):
    """One due entry that was submitted.

    :param at: the instant at which the bank ran it.
    :param kind: of the hold that expired or the schedule that ran.
    :param id: the id of that hold or schedule.
    :param entry_id: the id of the expiry or of the run.
    :param code: the reason of a refused run.
    """

    at: datetime
    kind: Literal["hold", "schedule"]
    id: str
    entry_id: str
    status: Literal["recorded", "refused"]
    code: str | None = None


class DueWork:
    """The due entries of one bank. The runner calls `tick`; a sandbox calls `run_at`."""

    def __init__(
        self,
        store: AccountStore,
        *,
        clock: Clock,
        on_saved: OnSaved,
        poll_s: float | None = None,
        is_frozen: Callable[[], bool] = lambda: False,
    ) -> None:
        """Take the store and the clock.

        :param on_saved: called after each write with the number of entries; wakes the sealer.
        :param poll_s: the longest pause between two looks at a store that other processes write,
            in seconds; None for a store of this process alone.
        :param is_frozen: whether the clock stands; then only `run_at` runs entries.
        """
        self._store = store
        self._clock = clock
        self._on_saved = on_saved
        self._poll_s = poll_s
        self._is_frozen = is_frozen
        self.failing = False
        """Whether due entries fail at present."""
        self._faults = 0
        self._until_s: dict[str, float] = {}
        """The time until which a failed entry waits, by the id of its hold or schedule."""
        self._closed = Event()
        self.lock = Lock()
        """Held while entries are submitted: by the runner, or by an advance of the clock."""
        self.wake: Callable[[float], None] = lambda _in_s: None
        """Asks the runner for a tick in some seconds; the runner sets it."""

    def expect(self, at: datetime) -> None:
        """Have a tick at an instant of the bank's clock: something new is due then."""
        self.wake(max(0.0, (at - self._clock()).total_seconds()))

    def forget(self) -> None:
        """Forget failures: the store holds other books now."""
        self._until_s.clear()

    def close(self) -> None:
        """Finish the present batch and submit no more."""
        self._closed.set()

    def run_due(self) -> int:
        """Submit all due entries in the order of their due times.

        An entry that fails for a reason of its own is postponed and delays no other entry.

        :returns: the number of entries that were submitted for the first time.
        :raises Unavailable: the store does not answer; the rest stays due.
        """
        count = 0
        while not self._closed.is_set() and (done := self._submit_new(self._due())):
            count += done
        return count

    def next_at(self) -> datetime | None:
        """Return the next due instant; None where nothing is due ever.

        :raises Unavailable: the store does not answer.
        """
        found = self._store.due(END_OF_TIME, limit=len(self._until_s) + 1)
        waiting = (each.due_at for each in found if not self._is_postponed(each.entry_id))
        return next(waiting, None)

    def run_at(self, limit: int) -> list[Fired]:
        """Submit the entries that are due at the present instant: holds first, then by id.

        :param limit: the most entries.
        :raises Unavailable: the store does not answer; the rest stays due.
        """
        now = self._clock()
        due = [
            each
            for each in self._store.due(now, limit=limit + len(self._until_s))
            if not self._is_postponed(each.entry_id)
        ]
        due = sorted(due[:limit], key=lambda each: _order(each)[1:])
        schedules = self._schedules([each.entry_id for each in due if each.kind == "schedule"])
        entries = {
            each.entry_id: _due_entry(each, schedules, now)
            for each in due
            if not self._is_postponed(each.entry_id)
        }
        outcomes = self._submit(entries)
        ran = [each for each in due if each.entry_id in outcomes]
        return [_fired(each, outcomes[each.entry_id], now) for each in ran]

    def tick(self) -> float | None:
        """Run the due entries on real time; return the seconds until the next tick, None for never.

        Errors are logged once and shown by `failing`.
        """
        if not self.lock.acquire(blocking=False):
            return None  # an advance runs, and asks for a tick at its end
        try:
            return None if self._is_frozen() or self._closed.is_set() else self._tick()
        finally:
            self.lock.release()

    def _tick(self) -> float | None:
        try:
            self.run_due()
            pause_s = self._pause_s()
        except NotDecided as error:
            if not self.failing:
                logger.warning("due_postponed", extra={"context": {"reason": error.detail}})
            self.failing = True
            return PAUSE_S
        except Exception:  # a bug: no caller sees it, so it is logged and the runner goes on
            if not self._faults:
                logger.exception("due_failed")
            self._faults += 1
            self.failing = True
            return min(PAUSE_S * 2.0 ** min(self._faults, DOUBLED_MAX), PAUSE_MAX_S)
        was_failing, self._faults = self.failing, 0
        self.failing = any(map(self._is_postponed, self._until_s))
        if was_failing and not self.failing:
            logger.info("due_resumed")
        return pause_s

    def _pause_s(self) -> float | None:
        """Return the seconds until the next due instant, the next poll or the next try."""
        next_at, now_s = self.next_at(), monotonic()
        pauses_s = [until_s - now_s for until_s in self._until_s.values()]
        if next_at is not None:
            in_s = (next_at - self._clock()).total_seconds()
            pauses_s.append(min(in_s, PAUSE_MAX_S))  # the system's clock may be set meanwhile
        if self._poll_s is not None:
            pauses_s.append(self._poll_s)
        return max(0.0, min(pauses_s)) if pauses_s else None

    def _submit_new(self, entries: Mapping[str, Entry]) -> int:
        """Submit entries, by the id of their hold or schedule; return the number of new ones."""
        return sum(not outcome.replayed for outcome in self._submit(entries).values())

    def _submit(self, entries: Mapping[str, Entry]) -> dict[str, Outcome]:
        """Submit entries in batches; return the outcomes by the id of their hold or schedule."""

        def append(ids: Sequence[str]) -> dict[str, Outcome]:
            outcomes = self._store.append([entries[each] for each in ids])
            if not all(outcome.replayed for outcome in outcomes):
                self._on_saved(len(ids))
            return dict(zip(ids, outcomes, strict=True))

        found: dict[str, Outcome] = {}
        for ids in _batches(list(entries)):
            for outcomes in self._in_halves(append, ids):
                found |= outcomes
        return found

    def _in_halves(
        self, call: Callable[[Sequence[str]], Result], ids: Sequence[str]
    ) -> list[Result]:
        """Call a function with all ids; after an error with each half. Postpone an id that fails.

        :param ids: the ids of holds and schedules.
        """
        try:
            return [call(ids)] if ids else []
        except NotDecided:
            raise
        except Exception as error:  # noqa: BLE001 - logged; the other ids go on
            if len(ids) == 1:
                self._postpone(ids[0], error)
                return []
        half = len(ids) // 2
        return self._in_halves(call, ids[:half]) + self._in_halves(call, ids[half:])

    def _postpone(self, entry_id: str, error: Exception) -> None:
        if entry_id not in self._until_s:
            context = {"entry_id": entry_id}
            logger.error("due_failed", exc_info=error, extra={"context": context})
        self._until_s[entry_id] = monotonic() + PAUSE_MAX_S

    def _is_postponed(self, entry_id: str) -> bool:
        return self._until_s.get(entry_id, 0.0) > monotonic()

    def _due(self) -> dict[str, Entry]:
        """Return the next due entries, by the id of their hold or schedule.

        If a schedule missed several runs, entries due after its second run wait for the next batch.
        """
        now = self._clock()
        due = sorted(self._store.due(now, limit=BATCH_MAX), key=_order)
        still_due = {each.entry_id for each in due}
        self._until_s = {each: at for each, at in self._until_s.items() if each in still_due}
        due = [each for each in due if not self._is_postponed(each.entry_id)]
        schedules = self._schedules([each.entry_id for each in due if each.kind == "schedule"])
        due = [each for each in due if not self._is_postponed(each.entry_id)]
        second_runs = [_second_run(each, schedules) for each in due if each.entry_id in schedules]
        until = min(filter(None, second_runs), default=now)
        due = [each for each in due if each.due_at and each.due_at <= until]
        return {each.entry_id: _due_entry(each, schedules, now) for each in due}

    def _schedules(self, ids: Sequence[str]) -> dict[str, Recorded]:
        """Load schedules by id. An unreadable one is postponed and delays no other."""

        def load(some: Sequence[str]) -> dict[str, Recorded]:
            entries = self._store.load(Needs(entries=frozenset(some))).entries
            return {each: entries[each] for each in some}

        return {key: each for found in self._in_halves(load, ids) for key, each in found.items()}


def _order(progress: Progress) -> tuple[datetime, bool, str]:
    """Return the place of a due entry: by time, holds before schedules, then by id.

    An expired hold frees money that a schedule of the same instant may need.
    """
    return progress.due_at or END_OF_TIME, progress.kind == "schedule", progress.entry_id


def _batches(ids: list[str]) -> Iterable[list[str]]:
    return (ids[start : start + BATCH_MAX] for start in range(0, len(ids), BATCH_MAX))


def _fired(progress: Progress, outcome: Outcome, at: datetime) -> Fired:
    is_recorded = outcome.status is Status.RECORDED
    return Fired(
        at=at,
        kind="schedule" if progress.kind == "schedule" else "hold",
        id=progress.entry_id,
        entry_id=outcome.recorded.entry.id,
        status="recorded" if is_recorded else "refused",
        code=None if is_recorded else outcome.status.value,
    )


def _second_run(progress: Progress, schedules: Mapping[str, Recorded]) -> datetime | None:
    """Return the time of the run after the one that is due."""
    return _schedule_of(schedules[progress.entry_id]).time_of_run(progress.done_count + 1)


def _due_entry(progress: Progress, schedules: Mapping[str, Recorded], now: datetime) -> Entry:
    """Return the due entry: the expiry of a hold or a run of a schedule."""
    entry_id = progress.entry_id
    if entry_id not in schedules:
        expire = Expire(entry_id, progress.account_id)
        return Entry(keyed_id(entry_id, "expiry"), BANK_ID, now, expire)
    schedule = _schedule_of(schedules[entry_id])
    run = Transfer(
        from_account=schedule.from_account,
        to_account=schedule.to_account,
        amount_minor=schedule.amount_minor,
        currency=schedule.currency,
        reference=schedule.reference,
        schedule_id=entry_id,
        metadata=schedule.metadata,
        key=schedule.key,
    )
    run_id = keyed_id(entry_id, str(progress.done_count))
    return Entry(run_id, schedules[entry_id].entry.caller_id, now, run)


def _schedule_of(recorded: Recorded) -> Schedule:
    assert isinstance(recorded.entry.action, Schedule)  # noqa: S101 - tells the type checker
    return recorded.entry.action
