"""Clients that send one byte a second, as many as one thread can hold."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

HEAD = b"POST /v1/users HTTP/1.1\r\nHost: bank\r\nContent-Type: application/json\r\n"
SLOW_HEAD = HEAD + b"X-Padding: " + b"x" * 10_000
SLOW_BODY = HEAD + b"Content-Length: 10000\r\n\r\n" + b" " * 10_000
SENT_AT_ONCE = {"head": (SLOW_HEAD, 1), "body": (SLOW_BODY, SLOW_BODY.index(b"\r\n\r\n") + 5)}
ASK_MUCH = b"GET /openapi.json HTTP/1.1\r\nHost: bank\r\n\r\n"


class SlowClient:
    """One slow client; it connects again as soon as the bank closes its connection."""

    def __init__(self, port: int, kind: str) -> None:
        self.port, self.kind = port, kind
        self.ended = 0
        self.connect()

    def connect(self) -> None:
        self.socket = socket.socket()
        if self.kind == "reader":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.socket.settimeout(5)
        self.socket.connect(("127.0.0.1", self.port))
        text, self.place = SENT_AT_ONCE.get(self.kind, (ASK_MUCH, len(ASK_MUCH)))
        self.socket.sendall(text[: self.place])
        self.socket.setblocking(False)

    def go_on(self) -> None:
        """Send or take one byte; begin again where the bank has ended it."""
        try:
            if self.kind == "reader":
                over = not self.socket.recv(1)
            else:
                text, _ = SENT_AT_ONCE[self.kind]
                self.socket.send(text[self.place : self.place + 1])
                self.place += 1
                over = self._is_answered()
        except BlockingIOError:
            return
        except OSError:
            over = True
        if over:
            self.ended += 1
            self.socket.close()
            self.connect()

    def _is_answered(self) -> bool:
        with suppress(BlockingIOError):
            self.socket.recv(65536)
            return True
        return False


@contextmanager
def slow_clients(port: int, count: int, kind: str) -> Iterator[Callable[[], int]]:
    """Keep slow clients going; gives a function that says how many were shown the door."""
    clients, stop = [SlowClient(port, kind) for _ in range(count)], Event()

    def run() -> None:
        while not stop.is_set():
            began_s = time.monotonic()
            for client in clients:
                with suppress(OSError):
                    client.go_on()
            stop.wait(max(0, 1 - (time.monotonic() - began_s)))

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        yield lambda: sum(client.ended for client in clients)
    finally:
        stop.set()
        thread.join()
        for client in clients:
            client.socket.close()


class Payer:
    """A good client on one connection, which does no more than it must."""

    def __init__(self, port: int, token: str, body: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.request = (
            b"POST /v1/transfers HTTP/1.1\r\nHost: bank\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer " + token.encode() + b"\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )

    def pay(self) -> None:
        self.socket.sendall(self.request)
        received = self.socket.recv(65536)
        assert received.startswith(b"HTTP/1.1 201"), received
        while not received.endswith(b"}"):
            received += self.socket.recv(65536)


def paid_per_s(payers: list[Payer], seconds: float) -> float:
    """Have all pay as fast as they are answered; say how many payments a second that is."""
    counts, until_s = [], time.monotonic() + seconds

    def run(payer: Payer) -> None:
        count = 0
        while time.monotonic() < until_s:
            payer.pay()
            count += 1
        counts.append(count)

    threads = [Thread(target=run, args=(payer,), daemon=True) for payer in payers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == len(payers)
    return sum(counts) / seconds
