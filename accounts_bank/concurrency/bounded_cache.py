"""A cache of bounded size for several threads."""

from threading import Lock
from typing import Generic, TypeVar

from cachetools import FIFOCache

Value = TypeVar("Value")


class BoundedCache(Generic[Value]):
    """Holds the `size_max` newest values by their keys; an older one is dropped first.

    No call waits for anything else while it holds the lock, so the cache may be used on the event
    loop's thread.
    """

    def __init__(self, size_max: int) -> None:
        """Start empty."""
        self._values: FIFOCache[str, Value] = FIFOCache(size_max)
        self._lock = Lock()

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._values)

    def __contains__(self, key: str) -> bool:
        """Return whether there is a value for a key."""
        return self.get(key) is not None

    def get(self, key: str) -> Value | None:
        """Return the value of a key, or None."""
        with self._lock:
            return self._values.get(key)

    def put(self, key: str, value: Value) -> None:
        """Keep a value."""
        with self._lock:
            self._values[key] = value

    def clear(self) -> None:
        """Forget all values."""
        with self._lock:
            self._values.clear()

    def drop(self, key: str) -> None:
        """Forget the value of a key, if there is one."""
        with self._lock:
            self._values.pop(key, None)
