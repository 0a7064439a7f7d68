"""From granian's RSGI to WSGI: a request takes a thread only once all of it has arrived.

A WSGI server hands a request on when its head is there, so whoever sends a body byte by byte keeps
a thread for as long as it likes. Here bodies are awaited in the event loop, in bounded size and
time, and a slow client costs nobody else anything. Requests that hash a password have threads of
their own: a rush of sign-ins holds up no payment. Payments have none: they are put aside while they
wait (see `accounts_bank.concurrency.greenlets`).

Sources: PEP 3333; granian's RSGI specification, version 1.6.
"""

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from io import BytesIO
from threading import Lock, Thread
from time import perf_counter
from typing import Any, BinaryIO, cast

from granian.rsgi import HTTPProtocol, ProtocolError, Scope  # type: ignore[attr-defined]
from werkzeug.exceptions import RequestTimeout
from werkzeug.wsgi import FileWrapper

from accounts_bank.concurrency.greenlets import Future, GreenletPool, Loop, LoopQueue, outcome
from accounts_bank.http.messages import body_max_bytes
from accounts_bank.http.middleware import (
    ARRIVED_S,
    DRAINING,
    OVERLOADED,
    STREAMS,
    Application,
    Environment,
)

BODY_TIMEOUT_S = 10
CHUNK_TIMEOUT_S = 30
"""How long a client may take to accept one part of a long answer."""

LIVE_PATH, READY_PATH = "/health/live", "/health/ready"
READY_TIMEOUT_S = 1.0
"""How long the stores may take to say that they are there: else the bank says that it is not ready.
Whoever asks must not take a database that stands still for a bank that does."""

LONG_BYTES = 64 * 1024
PART_BYTES = 64 * 1024

HASHING_PATHS = frozenset(
    {"/v1/users", "/v1/auth/login", "/v1/users/me/password"}
    | {"/sign-up", "/sign-in", "/profile/password"}
)

PAYMENTS_MAX = 1_000
"""How many payments are answered at once; more would only wait for each other."""

PAYMENT_PATHS = frozenset({"/v1/transfers", "/v1/deposits", "/v1/withdrawals", "/v1/holds"})

Answer = tuple[int, list[tuple[str, str]], bytes | Iterable[bytes]]
"""Status, headers, and the body, or what makes it a part at a time."""


class Gateway:
    """Runs a WSGI application under RSGI."""

    def __init__(
        self,
        application: Application,
        *,
        threads: int,
        hashing_threads: int,
        close: Callable[[], None],
        drain_s: int = 0,
    ) -> None:
        """Stand before an application.

        `close` is called when the last request was answered. For `drain_s` after SIGTERM all are
        answered as before, but told to come back by another connection.
        """
        self._application = application
        self._close = close
        self._drain_s = drain_s
        self._is_draining = False
        self._threads = _Threads(threads, waiting_max=1_000)
        self._payment_threads = _Threads(threads, waiting_max=0)
        self._payments = GreenletPool(self._payment_threads.call)
        self._hashing_threads = _Threads(hashing_threads, waiting_max=100)
        self._ready_threads = _Threads(2, waiting_max=100)

    @property
    def waiting(self) -> int:
        """How many requests wait for a thread."""
        pools = self._threads, self._payment_threads, self._hashing_threads
        return sum(each.waiting for each in pools)

    @property
    def payments(self) -> int:
        """How many payments are being answered, or are about to be."""
        return self._payments.count

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin. SIGTERM drains first; SIGINT stays granian's own end, and is what follows."""
        if self._drain_s:
            loop.add_signal_handler(signal.SIGTERM, self._drain, loop)

    def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._is_draining:
            self._is_draining = True
            loop.call_later(self._drain_s, os.kill, os.getpid(), signal.SIGINT)

    def __rsgi_del__(self, _loop: asyncio.AbstractEventLoop) -> None:
        """End: the worker leaves without Python's own way out (os._exit)."""
        self._close()

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer one request."""
        environment = _environment(scope)
        if self._is_draining:
            environment[DRAINING] = True
        try:
            environment["wsgi.input"] = await _body(environment, protocol)
        except ProtocolError:
            return  # the client went away midway
        environment[ARRIVED_S] = perf_counter()
        threads = self._hashing_threads if _hashes(environment) else self._threads
        status, headers, body = await self._answered(environment, threads)
        if self._is_draining:
            headers.append(("Connection", "close"))
        if isinstance(body, bytes):
            protocol.response_bytes(status, headers, body)
        else:
            await threads.send(body, protocol.response_stream(status, headers))

    async def _answered(self, environment: Environment, threads: "_Threads") -> Answer:
        """Have a request answered. What is asked of the bank's health waits behind nobody else."""
        if environment["PATH_INFO"] == LIVE_PATH:
            return self._answer(environment)
        if _pays(environment):
            return await self._paid(environment)
        if environment["PATH_INFO"] != READY_PATH:
            return await threads.run(self._answer, environment)
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                return await self._ready_threads.run(self._answer, environment)
        except TimeoutError:
            return self._answer(environment | {OVERLOADED: True})

    async def _paid(self, environment: Environment) -> Answer:
        if self._payments.count >= PAYMENTS_MAX:
            return self._answer(environment | {OVERLOADED: True})
        return await self._payments.run(partial(self._answer, environment))

    def _answer(self, environment: Environment) -> Answer:
        started: list[tuple[int, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], _error: Any = None) -> None:
            started[:] = [(int(status[:3]), headers)]

        chunks: Iterable[bytes] = self._application(environment, start)
        if environment.get(STREAMS) or _is_long(started[0][1]):
            return *started[0], chunks
        try:
            body = b"".join(chunks)
        finally:
            _close(chunks)
        return *started[0], body


class _Threads:
    """A few threads, and a bound to how many requests may wait for one.

    Who has rested least is called first: what it needs is still at hand.

    The standard library's pool would wake the event loop for each answer, and keep a second future
    for each; on a busy bank that costs as much as the answer.
    """

    def __init__(self, count: int, waiting_max: int) -> None:
        self._lock = Lock()
        self._calls: deque[tuple[Loop, Future, Callable[[], Any]]] = deque()
        self._idle: list[Lock] = []
        self._soon = LoopQueue()
        self._requests, self._requests_max = 0, count + waiting_max
        for number in range(count):
            Thread(target=self._work, name=f"answers-{number}", daemon=True).start()

    @property
    def waiting(self) -> int:
        return len(self._calls)

    async def run(
        self, answer: Callable[[Environment], Answer], environment: Environment
    ) -> Answer:
        if self._requests >= self._requests_max:
            return answer(environment | {OVERLOADED: True})
        self._requests += 1
        try:
            return cast("Answer", await self.call(partial(answer, environment)))
        finally:
            self._requests -= 1

    async def send(self, chunks: Iterable[bytes], stream: Any) -> None:
        """Send a long answer. A thread is taken for each part only, and not while it is sent."""
        parts = iter(chunks)
        try:
            while (part := await self.call(partial(next, parts, None))) is not None:
                async with asyncio.timeout(CHUNK_TIMEOUT_S):
                    await stream.send_bytes(part)
        except (TimeoutError, ProtocolError):
            return  # the client went away, or stands still
        finally:
            await self.call(partial(_close, chunks))

    def call(self, call: Callable[[], Any]) -> Future:
        """Have a thread call it."""
        loop = asyncio.get_running_loop()
        future: Future = loop.create_future()
        with self._lock:
            self._calls.append((loop, future, call))
            last = self._idle.pop() if self._idle else None
        if last is not None:
            last.release()
        return future

    def _work(self) -> None:
        woken = Lock()
        woken.acquire()
        while True:
            with self._lock:
                taken = self._calls.popleft() if self._calls else None
                if taken is None:
                    self._idle.append(woken)
            if taken is None:
                woken.acquire()
                continue
            loop, future, call = taken
            if not future.cancelled():  # else nobody waits for it any more
                self._soon.do(loop, outcome(future, call))


def _parts_of_file(file: BinaryIO, _size: int) -> FileWrapper:
    """Read a file in parts of our size: each takes its turn for a thread."""
    return FileWrapper(file, PART_BYTES)


def _is_long(headers: list[tuple[str, str]]) -> bool:
    """Tell whether an answer is too long to be kept for whoever takes it a byte at a time."""
    return any(name == "Content-Length" and int(text) > LONG_BYTES for name, text in headers)


class TimedOutBody:
    """The body that did not arrive in time: says so to whoever wants to read it."""

    def read(self, _size: int = -1) -> bytes:
        raise RequestTimeout


def _pays(environment: Environment) -> bool:
    """Tell whether a request is one payment: short, and waits for stores alone."""
    return environment["REQUEST_METHOD"] == "POST" and environment["PATH_INFO"] in PAYMENT_PATHS


def _hashes(environment: Environment) -> bool:
    """Tell whether a request hashes a password; to show a form for one does not."""
    return environment["REQUEST_METHOD"] == "POST" and environment["PATH_INFO"] in HASHING_PATHS


def _close(chunks: Iterable[bytes]) -> None:
    close: Callable[[], None] | None = getattr(chunks, "close", None)
    if close:
        close()


async def _body(environment: Environment, protocol: HTTPProtocol) -> BytesIO | TimedOutBody:
    """Await a body. One that is said to be too large is left where it is."""
    length = environment.get("CONTENT_LENGTH")
    if length is None and "HTTP_TRANSFER_ENCODING" not in environment:
        return BytesIO()
    read_max = body_max_bytes(environment["PATH_INFO"]) + 1
    if length is not None and int(length) > read_max:
        return BytesIO()
    late = asyncio.get_running_loop().call_later(BODY_TIMEOUT_S, _cancelled())
    try:
        return BytesIO(await (_chunks(protocol, read_max) if length is None else protocol()))
    except asyncio.CancelledError:
        return TimedOutBody()
    finally:
        late.cancel()


def _cancelled() -> Callable[[], object]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - for the type
    return task.cancel


async def _chunks(protocol: HTTPProtocol, read_max: int) -> bytes:
    """Await a body of unknown length, up to the first chunk that makes it too large."""
    chunks, size = [], 0
    async for chunk in protocol:
        chunks.append(chunk)
        size += len(chunk)
        if not chunk or size >= read_max:
            break
    return b"".join(chunks)


def _environment(scope: Scope) -> Environment:
    server, _, port = scope.server.rpartition(":")
    environment = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string.encode().decode("latin-1"),
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": _parts_of_file,
    }
    for name in scope.headers.keys():  # noqa: SIM118 - granian's mapping
        # A value that is not ASCII is not given: "" is refused where an absent one would not be.
        values = ",".join(scope.headers.get_all(name))  # type: ignore[attr-defined]
        key = name.upper().replace("-", "_")
        environment[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = values
    return environment
