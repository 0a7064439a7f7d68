"""Breaks off connections to a server that does not answer.

A frozen server resets no connection, psycopg waits without limit, and the server's own timeouts
stand still with it. A connection with an unread answer is left alone: this process itself was
starved or stopped, and the server was not silent.
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
    """Watches the connections in use, by one thread for all."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._lock = Lock()
        self._until_s: dict[Any, float] = {}
        self._over = Event()
        self._is_watching = False

    @contextmanager
    def watching(self, connection: Connection) -> Iterator[None]:
        """Bound the silence of a connection's server within the block."""
        driver = connection.connection.dbapi_connection
        self._until_s[driver] = monotonic() + self._timeout_s
        if not self._is_watching:
            self._begin()
        try:
            yield
        finally:
            self._until_s.pop(driver, None)

    def close(self) -> None:
        """End the thread."""
        self._over.set()

    def _begin(self) -> None:
        with self._lock:
            if not self._is_watching:
                self._is_watching = True
                Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _watch(self) -> None:
        """Break off each connection that is late and silent twice in a row."""
        suspects: set[Any] = set()
        while not self._over.wait(LOOK_S):
            now_s = monotonic()
            late = [each for each, until_s in list(self._until_s.items()) if until_s < now_s]
            silent = {each for each in late if _is_silent(each)}
            for driver in silent & suspects:
                _break_off(driver)
            suspects = silent


def _is_silent(driver: Any) -> bool:
    """Return whether the server owes an answer and has sent nothing."""
    if driver.closed or driver.pgconn.transaction_status != _ACTIVE:
        return False
    poll = select.poll()
    poll.register(driver.fileno(), select.POLLIN)
    return not poll.poll(0)


def _break_off(driver: Any) -> None:
    with suppress(OSError), socket.fromfd(driver.fileno(), socket.AF_INET, socket.SOCK_STREAM) as s:
        s.shutdown(socket.SHUT_RDWR)
