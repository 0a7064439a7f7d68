"""The runner: submits due entries. Holds expire and schedules run.

The id of a due entry derives from its hold or its run. Two runners, or one runner before and after
a crash, therefore submit the same entry; the second submission is a replay.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from threading import Event, Thread
from time import monotonic
from typing import TypeVar

from accounts_bank.collections.client import Clock, OnSaved, keyed_id
from accounts_bank.errors import Unavailable
from accounts_bank.ledger.actions import Expire, Schedule, Transfer
from accounts_bank.ledger.entries import Entry, Needs, Recorded
from accounts_bank.ledger.values import BANK_ID, Progress
from accounts_bank.stores.base import AccountStore

BATCH_MAX = 500
PAUSE_MAX_S = 60.0
"""The longest pause before a failed entry is tried again."""
DOUBLED_MAX = 10
"""The pause doubles after each unexpected error of the thread, at most this often."""

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class Runner:
    """Submits due entries: once on request, or repeatedly in a thread."""

    def __init__(
        self,
        store: AccountStore,
        *,
        clock: Clock,
        on_saved: OnSaved,
        pause_s: Callable[[], float],
    ) -> None:
        """Take the store and the clock.

        :param on_saved: called after each write with the number of entries; wakes the sealer.
        :param pause_s: returns the pause before the next look at the store, in seconds.
        """
        self._store = store
        self._clock = clock
        self._on_saved = on_saved
        self._pause_s = pause_s
        self.failing = False
        """Whether due entries fail at present."""
        self._faults = 0
        self._until_s: dict[str, float] = {}
        """The time until which a failed entry waits, by the id of its hold or schedule."""
        self._closed = Event()
        self._thread = Thread(target=self._run, name="runner", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Finish the present batch and end the thread."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def run_due(self) -> int:
        """Submit all due entries in the order of their due times.

        An entry that fails for a reason of its own is postponed and delays no other entry.

        :returns: the number of entries that were submitted for the first time.
        :raises Unavailable: the store does not answer; the rest stays due.
        """
        count = 0
        while not self._closed.is_set() and (done := self._submit(self._due())):
            count += done
        return count

    def _submit(self, entries: Mapping[str, Entry]) -> int:
        """Submit entries, by the id of their hold or schedule; return the number of new ones."""

        def append(ids: Sequence[str]) -> int:
            outcomes = self._store.append([entries[each] for each in ids])
            done = sum(not outcome.replayed for outcome in outcomes)
            if done:
                self._on_saved(len(ids))
            return done

        return sum(self._in_halves(append, [*entries]))

    def _in_halves(
        self, call: Callable[[Sequence[str]], Result], ids: Sequence[str]
    ) -> list[Result]:
        """Call a function with all ids; after an error with each half. Postpone an id that fails.

        :param ids: the ids of holds and schedules.
        """
        try:
            return [call(ids)] if ids else []
        except Unavailable:
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
        due = self._store.due(now, limit=BATCH_MAX)
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

    def _run(self) -> None:
        while not self._closed.wait(self._wait_s()):
            try:
                self.run_due()
            except Unavailable as error:
                if not self.failing:
                    logger.warning("due_postponed", extra={"context": {"reason": error.detail}})
                self.failing = True
            except Exception:  # a bug: no caller sees it, so the thread logs it and goes on
                if not self._faults:
                    logger.exception("due_failed")
                self._faults += 1
                self.failing = True
            else:
                was_failing, self._faults = self.failing, 0
                self.failing = any(map(self._is_postponed, self._until_s))
                if was_failing and not self.failing:
                    logger.info("due_resumed")

    def _wait_s(self) -> float:
        return min(self._pause_s() * 2.0 ** min(self._faults, DOUBLED_MAX), PAUSE_MAX_S)


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
    )
    run_id = keyed_id(entry_id, str(progress.done_count))
    return Entry(run_id, schedules[entry_id].entry.caller_id, now, run)


def _schedule_of(recorded: Recorded) -> Schedule:
    assert isinstance(recorded.entry.action, Schedule)  # noqa: S101 - tells the type checker
    return recorded.entry.action
