"""The wire loses, delays and breaks what it carries."""

import socket
import time
from contextlib import suppress
from threading import Thread

import pytest

from tests.faults import wire as wires
from tests.faults.wire import Weather, Wire
from tests.waiting import within

TIMEOUT_S = 0.3


class Echo:
    """A server that answers each message with itself, and counts them."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            client, _ = self.listener.accept()
            Thread(target=self.answer, args=(client,), daemon=True).start()

    def answer(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            while data := client.recv(65_536):
                self.messages.append(data)
                client.sendall(data)


@pytest.fixture
def echo():
    return Echo()


@pytest.fixture
def wire(echo):
    made = Wire(echo.port)
    yield made
    made.close()


def said(wire: Wire, message: bytes = b"POST one", timeout_s: float = TIMEOUT_S) -> bytes:
    """Send a message; return the whole answer, b"" where the connection was closed."""
    with socket.create_connection(("127.0.0.1", wire.port), timeout=timeout_s) as client:
        client.sendall(message)
        answer = b""
        while len(answer) < len(message) and (data := client.recv(65_536)):
            answer += data
        return answer


def test_a_clear_wire_passes_all(wire):
    assert said(wire) == b"POST one"


@pytest.mark.parametrize("weather", [Weather.BLACK_HOLE, Weather.HALF_OPEN])
def test_answers_do_not_come(wire, weather):
    wire.weather = weather
    with pytest.raises(TimeoutError):
        said(wire)
    wire.weather = Weather.CLEAR
    assert said(wire) == b"POST one"


def test_requests_arrive_where_only_answers_are_lost(wire, echo):
    wire.weather = Weather.HALF_OPEN
    with pytest.raises(TimeoutError):
        said(wire)
    assert echo.messages == [b"POST one"]
    wire.weather = Weather.LOST_ANSWERS
    answers = [said(wire) for _ in range(5)]
    assert answers.count(b"") == 1
    assert len(echo.messages) == 6


def test_refused_connections_are_reset(wire):
    wire.weather = Weather.REFUSED
    with pytest.raises(ConnectionError):
        said(wire)


def test_requests_arrive_twice(wire, echo):
    wire.weather = Weather.REPEATED
    assert said(wire) == b"POST one"
    assert within(5, lambda: echo.messages == [b"POST one"] * 2)


@pytest.mark.parametrize(
    ("weather", "least_s"),
    [(Weather.LATENCY, 2 * wires.LATENCY_S), (Weather.DRIP, 9 * wires.DRIP_S)],
)
def test_slow_wires_pass_all(wire, weather, least_s):
    wire.weather = weather
    message, began_s = b"x" * 10 * wires.DRIP_BYTES, time.monotonic()
    assert said(wire, message, timeout_s=10) == message
    assert time.monotonic() - began_s >= least_s


def test_open_connections_are_reset(wire):
    with socket.create_connection(("127.0.0.1", wire.port), timeout=10) as client:
        client.sendall(b"one")
        assert client.recv(10) == b"one"
        wire.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(10)
