"""A wire to a server: a TCP proxy that loses, delays and breaks what it carries.

`weather` says what happens to connections. It may change at any moment.
"""

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from itertools import count
from threading import Thread
from time import sleep

CHUNK_BYTES = 65_536
LATENCY_S = 0.3
DRIP_BYTES, DRIP_S = 40, 0.005
LOST_ONCE_IN = 5
RESET = struct.pack("ii", 1, 0)


class Weather(StrEnum):
    """The states of a wire."""

    CLEAR = "clear"
    REFUSED = "refused"
    BLACK_HOLE = "black hole"
    HALF_OPEN = "half-open"
    LATENCY = "latency"
    DRIP = "drip"
    LOST_ANSWERS = "lost answers"
    REPEATED = "repeated"


class Wire:
    """Passes connections on to a port of this machine."""

    def __init__(self, target_port: int) -> None:
        self.target = "127.0.0.1", target_port
        self.weather = Weather.CLEAR
        self._answers = count(1)
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        _in_background(self._accept)

    def reset(self) -> None:
        """Break all connections off, each with RST to both sides."""
        for pair in list(self._pairs):
            self._pairs.discard(pair)
            for each in pair:
                with suppress(OSError):
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    each.shutdown(socket.SHUT_RD)  # wakes the thread, and sends no FIN
                each.close()

    def close(self) -> None:
        self._listener.close()
        self.reset()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            _in_background(self._connect, client)

    def _connect(self, client: socket.socket) -> None:
        if self.weather is Weather.REFUSED:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            return
        try:
            server = socket.create_connection(self.target, timeout=5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = client, server
        self._pairs.add(pair)
        _in_background(self._carry, pair, self._forth)
        _in_background(self._carry, pair, self._back)

    def _carry(
        self,
        pair: tuple[socket.socket, socket.socket],
        way: Callable[[tuple[socket.socket, socket.socket]], None],
    ) -> None:
        try:
            way(pair)
        finally:
            if pair in self._pairs:
                self._end(pair)

    def _end(self, pair: tuple[socket.socket, socket.socket]) -> None:
        self._pairs.discard(pair)
        for each in pair:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _forth(self, pair: tuple[socket.socket, socket.socket]) -> None:
        client, server = pair
        while data := client.recv(CHUNK_BYTES):
            if self.weather is Weather.REPEATED and data.startswith(b"POST "):
                _in_background(self._repeat, data)
            self._pass(data, server)

    def _back(self, pair: tuple[socket.socket, socket.socket]) -> None:
        client, server = pair
        while data := server.recv(CHUNK_BYTES):
            if self.weather is Weather.HALF_OPEN:
                continue
            if self.weather is Weather.LOST_ANSWERS and not next(self._answers) % LOST_ONCE_IN:
                return
            self._pass(data, client)

    def _pass(self, data: bytes, to: socket.socket) -> None:
        """Send bytes on as the weather permits."""
        while self.weather is Weather.BLACK_HOLE:
            sleep(0.02)
        if self.weather is Weather.LATENCY:
            sleep(LATENCY_S)
        if self.weather is Weather.DRIP:
            for place in range(0, len(data), DRIP_BYTES):
                to.sendall(data[place : place + DRIP_BYTES])
                sleep(DRIP_S)
        else:
            to.sendall(data)

    def _repeat(self, request: bytes) -> None:
        """Send a request a second time over a connection of its own; drop the answer."""
        with socket.create_connection(self.target, timeout=5) as again:
            again.sendall(request)
            again.recv(CHUNK_BYTES)


def _in_background(act: Callable[..., None], *arguments: object) -> None:
    def run() -> None:
        with suppress(OSError):
            act(*arguments)

    Thread(target=run, daemon=True).start()
