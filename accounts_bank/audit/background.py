"""The thread that seals in the background, for all banks of a process."""

from math import inf
from threading import Condition, Thread
from time import monotonic
from typing import Protocol

RETRY_S = 0.5
"""The pause before another try after a failure."""


class Sealing(Protocol):
    """One bank's sealer, as the thread sees it; times are in seconds.

    `poll_s` is infinite for a bank that is sealed only when it is woken.
    """

    batch_delay_s: float
    poll_s: float

    @property
    def failing(self) -> bool:
        """Whether the last try failed."""

    def seal(self) -> None:
        """Seal all waiting items; raise nothing."""


class SealingThread:
    """Seals each bank when it was woken, after its delay; and polls each bank.

    The thread runs while there is a bank.
    """

    def __init__(self) -> None:
        """Begin without a bank."""
        self._changed = Condition()
        self._served: set[Sealing] = set()
        self._due_s: dict[Sealing, float] = {}
        self._at_work: Sealing | None = None
        self._thread = Thread()

    def add(self, sealer: Sealing) -> None:
        """Serve a bank; items that an earlier process left are sealed soon."""
        with self._changed:
            if not self._served:
                self._thread = Thread(target=self._run, name="sealer", daemon=True)
                self._thread.start()
            self._served.add(sealer)
        self.wake(sealer)

    def wake(self, sealer: Sealing) -> None:
        """Seal a bank after its delay."""
        self._due(sealer, sealer.batch_delay_s)

    def remove(self, sealer: Sealing) -> None:
        """Serve a bank no longer; wait until it is not being sealed."""
        with self._changed:
            self._served.discard(sealer)
            self._due_s.pop(sealer, None)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._at_work is not sealer)
            is_last = not self._served
        if is_last:
            self._thread.join()

    def _due(self, sealer: Sealing, pause_s: float) -> None:
        """Seal a bank after a pause, or earlier if it is due before."""
        due_s = monotonic() + pause_s
        with self._changed:
            if sealer in self._served and due_s < self._due_s.get(sealer, inf):
                self._due_s[sealer] = due_s
                self._changed.notify_all()

    def _run(self) -> None:
        while (sealer := self._next()) is not None:
            sealer.seal()
            with self._changed:
                self._at_work = None
                self._changed.notify_all()
            self._due(sealer, RETRY_S if sealer.failing else sealer.poll_s)

    def _next(self) -> Sealing | None:
        """Wait for the next bank that is due, and take it; None if there is no bank."""
        with self._changed:
            while self._served:
                sealer = min(self._due_s, key=self._due_s.__getitem__, default=None)
                left_s = self._due_s[sealer] - monotonic() if sealer else None
                if sealer and left_s is not None and left_s <= 0:
                    del self._due_s[sealer]
                    self._at_work = sealer
                    return sealer
                self._changed.wait(left_s)
        return None
