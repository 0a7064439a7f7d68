"""Breaks off connections whose server does not answer: one that is frozen resets nothing.

psycopg itself waits for as long as the connection stands, and the server's own timeouts do not help
where it is the server that stands still.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread
from time import monotonic, sleep

from sqlalchemy import Connection

LOOK_S = 0.5


class Watchdog:
    """Watches connections in use, all by one thread."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._lock = Lock()
        self._until_s: dict[int, float] = {}
        self._is_watching = False

    @contextmanager
    def watching(self, connection: Connection) -> Iterator[None]:
        """Give a connection so much time for what is done in the block."""
        driver = connection.connection.dbapi_connection
        fd = driver.fileno() if driver else -1
        self._until_s[fd] = monotonic() + self._timeout_s
        if not self._is_watching:
            self._begin()
        try:
            yield
        finally:
            self._until_s.pop(fd, None)

    def _begin(self) -> None:
        with self._lock:
            if not self._is_watching:
                self._is_watching = True
                Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _watch(self) -> None:
        while True:
            sleep(LOOK_S)
            now_s = monotonic()
            for fd, until_s in list(self._until_s.items()):
                if until_s < now_s and self._until_s.pop(fd, None) is not None:
                    _break_off(fd)


def _break_off(fd: int) -> None:
    with suppress(OSError), socket.fromfd(fd, socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.shutdown(socket.SHUT_RDWR)
