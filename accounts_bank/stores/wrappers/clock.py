"""The time of a bank, and stores that are written only while the system's clock is right.

    store's clock    --- read every `READ_EVERY_S`, or with a readiness check ---.
                                                                                 v
    steady clock     --- counts the seconds since ------------------------> StoreClock() = time
                                                                                 |
    system's clock   --- compared before each write -----> differs: Unavailable <'

The system's clock dates nothing. It may jump between two readings, and no entry gets a wrong time.
The comparison costs no call of the store, and a jump is noticed by the next write.

A store without a clock (memory, SQLite) lives on this machine. There the time counts on from the
system's time at the start of the first process, and it never precedes the last recorded time.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event as Signal
from threading import Thread

from accounts_bank.errors import NotDecided, Unavailable
from accounts_bank.identity import Event, User
from accounts_bank.ledger.entries import Entry, Outcome
from accounts_bank.stores.backend import Stores
from accounts_bank.stores.base import AccountStore, PutStatus, UserStore
from accounts_bank.stores.wrappers.base import DelegatingAccountStore, DelegatingUserStore

DIFFERENCE_MAX_S = 5.0
"""The largest difference between the system's clock and the store's, of either sign."""
READ_EVERY_S = 2.0
LATE_S = 1.0
"""A reading that takes longer is too uncertain, unless it is the first one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

logger = logging.getLogger(__name__)


class StoreClock:
    """A clock: a call returns the time in UTC."""

    def __init__(
        self,
        store: AccountStore,
        *,
        system: Callable[[], datetime],
        steady_s: Callable[[], float],
        read_every_s: float | None = None,
    ) -> None:
        """Read the store's clock for the first time.

        :param system: returns the time of the system's clock, which may be wrong and may jump.
        :param steady_s: returns seconds since some start; it never jumps.
        :param read_every_s: seconds between two readings by a thread, None for no thread.
        """
        self._store = store
        self._system = system
        self._steady_s = steady_s
        self._started_at = system() - timedelta(seconds=steady_s())
        self._last_recorded = _EPOCH
        self._is_read = False
        self._is_wrong = False
        self._closed = Signal()
        with suppress(NotDecided):  # the next reading is a moment away
            self.read()
        self._thread = Thread(target=self._run, args=[read_every_s], name="clock", daemon=True)
        if read_every_s is not None:
            self._thread.start()

    def __call__(self) -> datetime:
        """Return the time in UTC."""
        return self._started_at + timedelta(seconds=self._steady_s())

    def read(self) -> None:
        """Read the store's clock.

        :raises Unavailable: the store does not answer.
        """
        asked_s = self._steady_s()
        present = self._store.present()
        took_s = self._steady_s() - asked_s
        if not present.is_exact:
            self._last_recorded = present.at
        clock = present.at if present.is_exact else present.shared
        if clock and (took_s < LATE_S or not self._is_read):
            started_at = clock - timedelta(seconds=asked_s + took_s / 2)
            if abs(started_at - self._started_at).total_seconds() > took_s:  # else as exact
                self._started_at = started_at
            self._is_read = True

    def difference_s(self) -> float:
        """Return the seconds by which the system's clock is ahead; below zero, it is behind."""
        system = self._system()
        earliest = self._last_recorded - timedelta(seconds=DIFFERENCE_MAX_S)
        right = self() if system >= earliest else max(self(), self._last_recorded)
        return (system - right).total_seconds()

    def check(self) -> None:
        """Check that the system's clock is right; log when it goes wrong and when it is right.

        :raises Unavailable: it differs from the store's clock by more than `DIFFERENCE_MAX_S`.
        """
        difference_s = self.difference_s()
        is_wrong = abs(difference_s) > DIFFERENCE_MAX_S
        if is_wrong is not self._is_wrong:
            self._is_wrong = is_wrong
            level = logging.ERROR if is_wrong else logging.WARNING
            context = {"difference_s": round(difference_s, 3), "is_right": not is_wrong}
            logger.log(level, "clock", extra={"context": context})
        if is_wrong:
            way = "ahead of" if difference_s > 0 else "behind"
            raise Unavailable(
                f"The clock of this server is {abs(difference_s):.1f} s {way} the store's. "
                "Send the request to another server, or again after the clock is set."
            )

    def check_now(self) -> None:
        """Read the store's clock, then check the system's.

        :raises Unavailable: the store does not answer, or the clock is wrong.
        """
        self.read()
        self.check()

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self, read_every_s: float) -> None:
        while not self._closed.wait(read_every_s):
            # A wrong clock is logged by `check`, an outage or a lack of memory by others.
            with suppress(NotDecided, MemoryError, OSError):
                self.check_now()


class TimedUserStore(DelegatingUserStore):
    """Changes users and sessions only while the clock of this process is right."""

    def __init__(self, store: UserStore, check_clock: Callable[[], None]) -> None:
        super().__init__(store)
        self._check_clock = check_clock

    def put(self, users: Iterable[User], events: Sequence[Event] = ()) -> list[PutStatus]:
        self._check_clock()
        return self._store.put(users, events)


class TimedAccountStore(DelegatingAccountStore):
    """Takes entries only while the clock of this process is right. Reads work at any time."""

    def __init__(self, store: AccountStore, check_clock: Callable[[], None]) -> None:
        super().__init__(store)
        self._check_clock = check_clock

    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        self._check_clock()
        return self._store.append(entries)


def timed(stores: Stores, clock: StoreClock) -> Stores:
    """Return stores that are written only while a clock is right; closing them closes the clock."""

    def close() -> None:
        clock.close()
        stores.close()

    return stores._replace(
        users=TimedUserStore(stores.users, clock.check),
        accounts=TimedAccountStore(stores.accounts, clock.check),
        close=close,
    )
