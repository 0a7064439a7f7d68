"""Ports that stay free between the search and their use."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import cycle

BLOCK = 500
BLOCKS = range(10_000, 32_500, BLOCK)
"""Below the ports that Linux gives to sockets that name none."""


def free_port() -> int:
    """Return a port of this process that has no listener."""
    for port in _ours():
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("never reached")


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
