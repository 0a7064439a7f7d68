"""Ports that stay free between the search and their use."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import cycle

from tests.waiting import within

BLOCK = 500
BLOCKS = range(10_000, 32_500, BLOCK)
"""Below the ports that Linux gives to sockets that name none."""
END_TIMEOUT_S = 20


def free_port() -> int:
    """Return a port of this process that has no listener."""
    for port in _ours():
        if _is_free(port):
            return port
    raise AssertionError("never reached")


def await_free(port: int) -> None:
    """Wait for the end of a port's listeners: workers end some time after they are killed."""
    within(END_TIMEOUT_S, lambda: _is_free(port))


def _is_free(port: int) -> bool:
    with suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False


@cache
def _ours() -> Iterator[int]:
    """Claim a block until this process ends: tests run in several."""
    for first in BLOCKS:
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0ports of tests from {first}")
        except OSError:
            claim.close()
        else:
            claim.detach()
            return cycle(range(first, first + BLOCK))
    raise AssertionError("all ports are claimed")
