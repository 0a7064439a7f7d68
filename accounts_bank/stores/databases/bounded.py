"""A lock that is waited for in bounded time."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from accounts_bank.errors import Unavailable


@contextmanager
def bounded(lock: Lock, timeout_s: float, message: str) -> Iterator[None]:
    """Hold `lock` within the block.

    :param timeout_s: the longest wait for the lock, in seconds.
    :param message: the detail of the error.
    :raises Unavailable: other threads held the lock for too long.
    """
    if not lock.acquire(timeout=timeout_s):
        raise Unavailable(message)
    try:
        yield
    finally:
        lock.release()
