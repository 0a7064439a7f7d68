"""Callers that wait for the next event. A greenlet that waits occupies no thread."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from accounts_bank.concurrency.greenlets import Waiter

WAITING_MAX = 500
"""The most callers of a bank that wait in this process. Another caller gets its answer at once."""
WAITING_EACH_MAX = 20
"""The most of them for one user."""


class Bell:
    """Wakes the callers that wait. It rings after entries got numbers in this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiters: set[Waiter] = set()
        self._places: Counter[str] = Counter()
        self.is_closed = False

    def ring(self) -> None:
        """Wake all callers that wait."""
        with self._lock:
            waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            waiter.call()

    def close(self) -> None:
        """Wake all callers, and let no caller wait any more."""
        self.is_closed = True
        self.ring()

    @contextmanager
    def place(self, user_id: str) -> Iterator[bool]:
        """Take a place among those that wait; yield whether there was one.

        :param user_id: the user that waits.
        """
        with self._lock:
            is_free = self._places[user_id] < WAITING_EACH_MAX
            is_free = is_free and self._places.total() < WAITING_MAX and not self.is_closed
            self._places[user_id] += is_free
        try:
            yield is_free
        finally:
            with self._lock:
                self._places[user_id] -= is_free
                self._places += Counter()  # forgets users without a place

    @contextmanager
    def heard(self) -> Iterator[Waiter]:
        """Yield a waiter that a ring from now on wakes."""
        waiter = Waiter()
        with self._lock:
            self._waiters.add(waiter)
        try:
            yield waiter
        finally:
            with self._lock:
                self._waiters.discard(waiter)
