"""Taking turns where others of this process would only be in the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from accounts_bank.errors import Unavailable


@contextmanager
def bounded(writer: Lock, timeout_s: float) -> Iterator[None]:
    """Let one thread write: whoever stands behind those that are kept waiting is told in time too.

    :raises Unavailable: too many wait.
    """
    if not writer.acquire(timeout=timeout_s):
        raise Unavailable("Too many wait for the store.")
    try:
        yield
    finally:
        writer.release()
