"""Counters of rate limits in this process, by a clock that never jumps."""

from threading import Lock
from time import monotonic

from limits.storage import Storage

PURGED_FROM = 1_000
"""The number of windows from which on ended ones are deleted, each time the number has doubled."""


class InMemoryCounters(Storage):
    """Counts in windows; a window begins with its first count."""

    base_exceptions = ()

    def __init__(self) -> None:
        super().__init__()
        self._windows: dict[str, tuple[int, float]] = {}
        self._purge_from = PURGED_FROM
        self._lock = Lock()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        with self._lock:
            now_s = monotonic()
            count, ends_at_s = self._windows.get(key, (0, now_s))
            if ends_at_s <= now_s:
                count, ends_at_s = 0, now_s + expiry
            self._windows[key] = count + amount, ends_at_s
            self._purge(now_s)
            return count + amount

    def get(self, key: str) -> int:
        count, ends_at_s = self._windows.get(key, (0, 0.0))
        return count if ends_at_s > monotonic() else 0

    def get_expiry(self, key: str) -> float:
        """Return the end of a window, in seconds of `time.monotonic`."""
        return self._windows.get(key, (0, monotonic()))[1]

    def check(self) -> bool:
        return True

    def clear(self, key: str) -> None:
        with self._lock:
            self._windows.pop(key, None)

    def reset(self) -> None:
        with self._lock:
            self._windows.clear()

    def _purge(self, now_s: float) -> None:
        """Delete ended windows if there are many."""
        if len(self._windows) >= self._purge_from:
            kept = {key: each for key, each in self._windows.items() if each[1] > now_s}
            self._windows, self._purge_from = kept, max(PURGED_FROM, 2 * len(kept))
