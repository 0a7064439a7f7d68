"""The runner: does what is due by itself. Holds expire, schedules run.

Each deed is an entry whose id follows from what it is about, so of two runners, or of one before
and after a crash, only one does it: the other is told what was done.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Event, Thread
from time import monotonic

from accounts_bank.collections.client import Clock, OnSaved, keyed_id
from accounts_bank.errors import Unavailable
from accounts_bank.ledger.actions import Expire, Schedule, Transfer
from accounts_bank.ledger.entries import Entry, Needs, Recorded
from accounts_bank.ledger.rules.schedules import time_of_run
from accounts_bank.ledger.values import BANK_ID, Progress
from accounts_bank.stores.base import AccountStore

BATCH_MAX = 500
PAUSE_MAX_S = 60.0
"""How long what fails waits at most until it is tried again."""
DOUBLED_MAX = 10
"""After each fault of its own the thread waits twice as long, so often and so long at most."""

logger = logging.getLogger(__name__)


class Runner:
    """Does what is due, at once where it is asked to, or by a thread from time to time."""

    def __init__(
        self,
        store: AccountStore,
        *,
        clock: Clock,
        on_saved: OnSaved,
        pause_s: Callable[[], float],
    ) -> None:
        """Join what it needs: `pause_s` says how long to wait before it looks again."""
        self._store = store
        self._clock = clock
        self._on_saved = on_saved
        self._pause_s = pause_s
        self.failing = False
        """Whether what is due cannot be done at present."""
        self._faults = 0
        self._until_s: dict[str, float] = {}
        """Until when what could not be done is put off, by what it is about."""
        self._closed = Event()
        self._thread = Thread(target=self._run, name="runner", daemon=True)

    def start(self) -> None:
        """Look from time to time, until the end."""
        self._thread.start()

    def close(self) -> None:
        """End: finish the batch that was begun, and begin no other."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def run_due(self) -> int:
        """Do all that is due, what was missed in the order in which it was due; say how much.

        What cannot be done for a reason of its own is put off, and holds up nothing else.

        :raises Unavailable: the store cannot be reached; what is left is done later.
        """
        count = 0
        while not self._closed.is_set() and (done := self._do(self._due())):
            count += done
        return count

    def _do(self, deeds: Mapping[str, Entry]) -> int:
        """Do deeds, by what they are about; where that fails, in halves. Say how much was done."""
        try:
            outcomes = self._store.append([*deeds.values()]) if deeds else []
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - told of; what is not at fault is done
            if len(deeds) == 1:
                self._put_off(next(iter(deeds)), error)
                return 0
        else:
            done = sum(not outcome.replayed for outcome in outcomes)
            if done:
                self._on_saved(len(deeds))
            return done
        each, half = list(deeds.items()), len(deeds) // 2
        return self._do(dict(each[:half])) + self._do(dict(each[half:]))

    def _put_off(self, entry_id: str, error: Exception) -> None:
        if entry_id not in self._until_s:
            context = {"entry_id": entry_id}
            logger.error("due_failed", exc_info=error, extra={"context": context})
        self._until_s[entry_id] = monotonic() + PAUSE_MAX_S

    def _is_put_off(self, entry_id: str) -> bool:
        return self._until_s.get(entry_id, 0.0) > monotonic()

    def _due(self) -> dict[str, Entry]:
        """Make the entries of what is due next.

        Where a schedule missed several runs, what was due after its second one has to wait for it.
        """
        now = self._clock()
        due = self._store.due(now, limit=BATCH_MAX)
        still = {each.entry_id for each in due}
        self._until_s = {each: at for each, at in self._until_s.items() if each in still}
        due = [each for each in due if not self._is_put_off(each.entry_id)]
        ids = frozenset(each.entry_id for each in due if each.kind == "schedule")
        begun = self._store.load(Needs(entries=ids)).entries if ids else {}
        second_runs = [_second_run(each, begun) for each in due if each.entry_id in begun]
        until = min(filter(None, second_runs), default=now)
        due = [each for each in due if each.due_at and each.due_at <= until]
        return {each.entry_id: _deed(each, begun, now) for each in due}

    def _run(self) -> None:
        while not self._closed.wait(self._wait_s()):
            try:
                self.run_due()
            except Unavailable as error:
                if not self.failing:
                    logger.warning("due_postponed", extra={"context": {"reason": error.detail}})
                self.failing = True
            except Exception:  # a fault of ours: nobody waits for this thread, so it goes on
                if not self._faults:
                    logger.exception("due_failed")
                self._faults += 1
                self.failing = True
            else:
                self._faults, self.failing = 0, any(map(self._is_put_off, self._until_s))

    def _wait_s(self) -> float:
        return min(self._pause_s() * 2.0 ** min(self._faults, DOUBLED_MAX), PAUSE_MAX_S)


def _second_run(progress: Progress, begun: Mapping[str, Recorded]) -> datetime | None:
    """Say when a schedule whose next run is due runs after that one."""
    return time_of_run(_asked(begun[progress.entry_id]), progress.done_count + 1)


def _deed(progress: Progress, begun: Mapping[str, Recorded], now: datetime) -> Entry:
    """Make the entry of what is due: a hold's expiry, or a run of a schedule."""
    entry_id = progress.entry_id
    if entry_id not in begun:
        expire = Expire(entry_id, progress.account_id)
        return Entry(keyed_id(entry_id, "expiry"), BANK_ID, now, expire)
    ask = _asked(begun[entry_id])
    run = Transfer(
        from_account=ask.from_account,
        to_account=ask.to_account,
        amount_minor=ask.amount_minor,
        currency=ask.currency,
        reference=ask.reference,
        schedule_id=entry_id,
    )
    run_id = keyed_id(entry_id, str(progress.done_count))
    return Entry(run_id, begun[entry_id].entry.caller_id, now, run)


def _asked(schedule: Recorded) -> Schedule:
    assert isinstance(schedule.entry.action, Schedule)  # noqa: S101 - tells the type checker
    return schedule.entry.action
