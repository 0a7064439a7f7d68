"""The gateway: requests that it passes on and requests that it answers itself."""

import asyncio
import errno
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from granian.rsgi import ProtocolError  # type: ignore[attr-defined]
from werkzeug.exceptions import RequestTimeout

from accounts_bank.concurrency.greenlets import run_in_thread
from accounts_bank.http.middleware import OVERLOADED, STREAMS
from accounts_bank.server import gateway, threads
from accounts_bank.server.gateway import Gateway
from accounts_bank.server.threads import ThreadPool


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run it in a thread of its own: in this one a browser's tests may have left a loop running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


class Scope:
    method, path, query_string, scheme, http_version = (
        "POST",
        "/v1/f\u00fc",
        "a=\u20ac",
        "http",
        "1.1",
    )
    server, client = "127.0.0.1:5000", "[::1]:4000"

    def __init__(self, **headers: str) -> None:
        self.headers = Headers({name.replace("_", "-"): text for name, text in headers.items()})


class Headers(dict[str, str]):
    def get_all(self, name: str) -> list[str]:
        return [self[name]]


class Protocol:
    """A client that sends chunks, each a text, or an error to raise, or None to stand still."""

    def __init__(self, *chunks: bytes | Exception | None) -> None:
        self.chunks = list(chunks)
        self.answers: list[tuple] = []

    async def __call__(self) -> bytes:
        return b"".join([chunk async for chunk in self])

    def __aiter__(self) -> "Protocol":
        return self

    async def __anext__(self) -> bytes:
        chunk = self.chunks.pop(0) if self.chunks else b""
        if chunk is None:
            await asyncio.sleep(60)
        if isinstance(chunk, Exception):
            raise chunk
        if not chunk:
            raise StopAsyncIteration
        return chunk

    def response_bytes(self, *answer) -> None:
        self.answers.append(answer)

    def response_stream(self, *head) -> "Protocol":
        self.answers.append(head)
        return self

    async def send_bytes(self, part: bytes) -> None:
        self.answers.append((part,))
        await _taken(part)


async def _taken(part: bytes) -> None:
    """Stand still, or go away, as the part says."""
    if part == b"slow":
        await asyncio.sleep(60)
    if part == b"gone":
        raise ProtocolError


def echo(environment, start):
    seen.append(environment)
    body = environment["wsgi.input"].read()
    start("201 Created", [("X-Length", str(len(body)))])
    return [body, b"."]


seen: list[dict] = []


@pytest.fixture
def ask():
    """Send one request through a gateway; return the answer."""
    seen.clear()

    def ask(protocol, application=echo, **headers):
        made = Gateway(application, threads=1, hashing_threads=1, close=lambda: None)
        run(made.__rsgi__(Scope(**headers), protocol))  # type: ignore[arg-type]
        return protocol.answers

    return ask


def test_a_request_arrives_as_wsgi_has_it(ask):
    (answer,) = ask(Protocol(b"{", b"}"), content_length="2", content_type="x/y", x_one="1")
    assert answer == (201, [("X-Length", "2")], b"{}.")
    (environment,) = seen
    assert environment["PATH_INFO"].encode("latin-1").decode() == "/v1/f\u00fc"
    assert environment["QUERY_STRING"].encode("latin-1").decode() == "a=\u20ac"
    expected = {
        "REQUEST_METHOD": "POST",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "5000",
        "REMOTE_ADDR": "::1",
        "CONTENT_TYPE": "x/y",
        "CONTENT_LENGTH": "2",
        "HTTP_X_ONE": "1",
    }
    assert expected.items() <= environment.items()


def test_a_body_of_unknown_length_is_read_to_its_end_or_its_bound(ask, monkeypatch):
    assert ask(Protocol(b"ab", b"c"), transfer_encoding="chunked")[0][2] == b"abc."
    monkeypatch.setattr(gateway, "body_max_bytes", lambda _path: 3)
    protocol = Protocol(*[b"abc"] * 9)
    assert ask(protocol, transfer_encoding="chunked")[0][2] == b"abcabc."
    assert len(protocol.chunks) == 7


def test_a_body_said_to_be_too_large_is_not_read(ask):
    protocol = Protocol(b"abc")
    assert ask(protocol, content_length="99999999")[0][2] == b"."
    assert protocol.chunks == [b"abc"]


def test_a_client_that_goes_away_is_not_answered(ask):
    assert ask(Protocol(b"a", ProtocolError()), content_length="9") == []
    assert seen == []


def test_a_body_that_stands_still_is_late(ask, monkeypatch):
    monkeypatch.setattr(gateway, "BODY_TIMEOUT_S", 0.01)

    def application(environment, start):
        with pytest.raises(RequestTimeout):
            environment["wsgi.input"].read()
        start("408 Late", [])
        return []

    assert ask(Protocol(b"a", None), application, content_length="9") == [(408, [], b"")]


def test_the_gateway_closes_the_body_of_an_application(ask):
    class Body(list[bytes]):
        closed = 0

        def close(self) -> None:
            type(self).closed += 1

    def application(_environment, start):
        start("200 OK", [])
        return Body([b"x"])

    assert ask(Protocol(), application) == [(200, [], b"x")]
    assert Body.closed == 1


class Parts:
    """A long answer, made a part at a time."""

    def __init__(self, *parts: bytes) -> None:
        self.parts, self.made, self.closed = parts, 0, 0

    def __call__(self, environment, start):
        start("200 OK", [("X-Long", "1")])
        environment[STREAMS] = True
        return self

    def __iter__(self):
        for part in self.parts:
            self.made += 1
            yield part

    def close(self) -> None:
        self.closed += 1


def test_a_long_answer_is_sent_as_it_is_made(ask):
    parts = Parts(b"a", b"", b"b")
    assert ask(Protocol(), parts) == [(200, [("X-Long", "1")]), (b"a",), (b"",), (b"b",)]
    assert (parts.made, parts.closed) == (3, 1)


def test_an_answer_that_is_said_to_be_long_is_not_kept_whole(ask):
    def application(_environment, start):
        start("200 OK", [("Content-Length", "65537")])
        return [b"a", b"b"]

    assert ask(Protocol(), application)[1:] == [(b"a",), (b"b",)]


@pytest.mark.parametrize("part", [b"slow", b"gone"])
def test_no_more_is_made_for_a_client_that_takes_no_more(ask, monkeypatch, part):
    monkeypatch.setattr(threads, "CHUNK_TIMEOUT_S", 0.01)
    parts = Parts(b"a", part, b"b")
    assert ask(Protocol(), parts)[1:] == [(b"a",), (part,)]
    assert (parts.made, parts.closed) == (2, 1)


def test_requests_past_the_bound_are_told_so_by_the_application():
    async def flood():
        threads = ThreadPool(1, waiting_max=1)
        release = asyncio.Event()
        loop = asyncio.get_running_loop()

        def answer(environment):
            if OVERLOADED in environment:
                return 503, [], b""
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result(30)
            return 200, [], b""

        tasks = [asyncio.ensure_future(threads.run(answer, {})) for _ in range(4)]
        await asyncio.gather(*tasks[2:])
        release.set()
        return sorted(status for status, _, _ in await asyncio.gather(*tasks))

    assert run(flood()) == [200, 200, 503, 503]


def test_an_overloaded_bank_says_when_to_come_back(http):
    answer = http("GET", "/health/live", environ_overrides={OVERLOADED: True})
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


class Standing:
    """An application that stands still until it is told otherwise, unless too many wait."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self.begun: list[str] = []

    def __call__(self, environment, start):
        if not environment.get(OVERLOADED) and environment["PATH_INFO"] != "/health/live":
            self.begun.append(environment["PATH_INFO"])
            self.told.wait(60)
        start("503 Unavailable" if environment.get(OVERLOADED) else "200 OK", [])
        return []


@pytest.fixture
def standing():
    made = Standing()
    yield made
    made.told.set()


async def status(gateway: Gateway, path: str) -> int:
    scope, protocol = Scope(), Protocol()
    scope.path = path
    await gateway.__rsgi__(scope, protocol)  # type: ignore[arg-type]
    return int(protocol.answers[0][0])


async def comes(is_so: Callable[[], bool]) -> None:
    """Wait for it, while the event loop goes on."""
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110 - it is a thread that brings it about
            await asyncio.sleep(0.001)


def test_health_bypasses_the_queue(standing, monkeypatch):
    def patient(timeout_s):
        monkeypatch.setattr(gateway, "READY_TIMEOUT_S", timeout_s)

    made = Gateway(standing, threads=1, hashing_threads=1, close=lambda: None)

    async def ask() -> None:
        others = [asyncio.create_task(status(made, "/v1/users/me")) for _ in range(3)]
        assert await status(made, "/health/live") == 200
        patient(0.5)
        assert [await status(made, "/health/ready") for _ in range(2)] == [503] * 2
        patient(0.01)
        assert [await status(made, "/health/ready") for _ in range(3)] == [503] * 3
        patient(30)
        standing.told.set()
        assert await asyncio.gather(*others) == [200] * 3
        assert await status(made, "/health/ready") == 200

    run(ask())
    assert standing.begun.count("/health/ready") == 3  # two stood still, three waited for nobody


def test_waiting_payments_occupy_no_thread(standing, monkeypatch):
    monkeypatch.setattr(gateway, "PAYMENTS_MAX", 3)

    def pay(environment, start):
        if environment["PATH_INFO"] in gateway.PAYMENT_PATHS and OVERLOADED not in environment:
            standing.begun.append("a payment")
            run_in_thread(standing.told.wait, 60)
            start("201 Created", [])
            return []
        return standing(environment, start)

    made = Gateway(pay, threads=1, hashing_threads=1, close=lambda: None)

    async def ask() -> None:
        payments = [asyncio.create_task(status(made, "/v1/transfers")) for _ in range(3)]
        await comes(lambda: len(standing.begun) == 3)  # all of them, in this very thread
        assert await status(made, "/v1/deposits") == 503  # past the bound
        assert await status(made, "/health/live") == 200
        await comes(lambda: made.waiting == 2)
        standing.told.set()
        assert await asyncio.gather(*payments) == [201] * 3
        assert await status(made, "/v1/deposits") == 201

    run(ask())


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (KeyError("a mistake"), 500, "internal_error"),
        (MemoryError(), 503, "unavailable"),
        (OSError(errno.EMFILE, "Too many open files"), 503, "unavailable"),
        (RuntimeError("can't start new thread"), 503, "unavailable"),
    ],
)
def test_an_error_of_the_application_is_logged_and_answered(  # noqa: PLR0917 - a table
    ask, caplog, request, error, status, reason
):
    def failing(_environment, _start):
        raise error

    logger = logging.getLogger("accounts_bank.api")
    logger.addHandler(caplog.handler)
    request.addfinalizer(lambda: logger.removeHandler(caplog.handler))
    ((answered, headers, body),) = ask(Protocol(b""), failing)
    assert (answered, msgspec.json.decode(body)["code"]) == (status, reason)
    assert ("Content-Type", "application/problem+json") in headers
    assert (("Retry-After", "1") in headers) == (status == 503)
    assert caplog.records[0].exc_info[1] is error


def test_a_header_name_with_an_underscore_is_dropped():
    scope: Any = Scope(content_length="3")
    scope.headers |= {"content_length": "abc", "x_forwarded_for": "9.9.9.9"}
    environment = gateway._environment(scope)
    assert environment["CONTENT_LENGTH"] == "3"
    assert "HTTP_X_FORWARDED_FOR" not in environment
