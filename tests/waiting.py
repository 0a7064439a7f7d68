"""Waiting for an event in another thread or process."""

from collections.abc import Callable
from time import monotonic, sleep


def within(timeout_s: float, is_so: Callable[[], object]) -> bool:
    """Look again and again; answer whether it came to be so in time."""
    until_s = monotonic() + timeout_s
    while not is_so():
        if monotonic() > until_s:
            return False
        sleep(0.01)
    return True
