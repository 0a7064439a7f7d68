"""Breaks off connections whose server does not answer: one that is frozen resets nothing.

psycopg itself waits for as long as the connection stands, and the server's own timeouts do not help
where it is the server that stands still. One that has answered is left alone, however late this
process comes to read it: that it was starved or stopped itself is not the server's silence.
"""

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any

from sqlalchemy import Connection

LOOK_S = 0.5

_ACTIVE = 1
"""PQTRANS_ACTIVE (libpq, PQtransactionStatus): a statement was sent and its answer is not read."""


class Watchdog:
    """Watches connections in use, all by one thread."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._lock = Lock()
        self._until_s: dict[Any, float] = {}
        self._over = Event()
        self._is_watching = False

    @contextmanager
    def watching(self, connection: Connection) -> Iterator[None]:
        """Give a connection so much time for what is done in the block."""
        driver = connection.connection.dbapi_connection
        self._until_s[driver] = monotonic() + self._timeout_s
        if not self._is_watching:
            self._begin()
        try:
            yield
        finally:
            self._until_s.pop(driver, None)

    def close(self) -> None:
        """Observer no more."""
        self._over.set()

    def _begin(self) -> None:
        with self._lock:
            if not self._is_watching:
                self._is_watching = True
                Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _watch(self) -> None:
        """Look again and again; who is late and silent twice in a row is broken off."""
        suspects: set[Any] = set()
        while not self._over.wait(LOOK_S):
            now_s = monotonic()
            late = [each for each, until_s in list(self._until_s.items()) if until_s < now_s]
            silent = {each for each in late if _is_silent(each)}
            for driver in silent & suspects:
                _break_off(driver)
            suspects = silent


def _is_silent(driver: Any) -> bool:
    """Tell whether the server owes an answer, and has sent nothing that waits to be read."""
    if driver.closed or driver.pgconn.transaction_status != _ACTIVE:
        return False
    poll = select.poll()
    poll.register(driver.fileno(), select.POLLIN)
    return not poll.poll(0)


def _break_off(driver: Any) -> None:
    with suppress(OSError), socket.fromfd(driver.fileno(), socket.AF_INET, socket.SOCK_STREAM) as s:
        s.shutdown(socket.SHUT_RDWR)
