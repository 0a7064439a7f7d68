"""The gateway: runs the WSGI application under granian's RSGI.

    client --> granian (Rust) --> Gateway, on the event loop: reads the whole body
                                     |
               POST of a payment     +--> GreenletPool, on the event loop's thread
               GET that may wait     +--> GreenletPool of its own
               POST with a password  +--> hashing threads
               GET /health/ready     +--> 2 threads of its own, 1 s at most
               GET /health/live      +--> answered at once
               all other requests    +--> answering threads
                                     |
    client <-- granian <-- status, headers, body; a long body in parts

Invariants:

1. A request takes a thread only after its whole body has arrived. A slow client occupies none.
2. Bodies are bounded in bytes and in seconds; all queues are bounded. A full queue answers 503.
3. Requests that hash a password have their own threads, so a rush of sign-ins delays no payment.
4. A health check never waits behind other requests.
5. A long answer takes a thread for each part, and none while the client reads.
6. After SIGTERM the gateway answers as before for `drain_s`, with `Connection: close`. Readers that
   wait for an event are answered at once.
7. An error that the application raises is logged and answered as a problem, here as well.

Sources: PEP 3333; granian's RSGI specification, version 1.6.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterable
from functools import partial
from io import BytesIO
from time import perf_counter
from typing import Any, BinaryIO

from granian.rsgi import HTTPProtocol, ProtocolError, Scope  # type: ignore[attr-defined]
from werkzeug.exceptions import RequestTimeout
from werkzeug.wsgi import FileWrapper

from accounts_bank.api import registry
from accounts_bank.api.problems import answer_outside
from accounts_bank.api.registry import body_max_bytes
from accounts_bank.concurrency.greenlets import GreenletPool
from accounts_bank.http.hosts import LIVE_PATH, READY_PATH
from accounts_bank.http.lost_answers import DELAY_S, DELAYS
from accounts_bank.http.middleware import (
    ARRIVED_S,
    DRAINING,
    OVERLOADED,
    STREAMS,
)
from accounts_bank.observability.wsgi import Application, Environment, close_chunks
from accounts_bank.server.room import BODY_BYTES, require_memory
from accounts_bank.server.threads import Answer, ThreadPool

BODY_TIMEOUT_S = 10
READY_TIMEOUT_S = 1.0
"""How long the stores may take to answer before the bank reports that it is not ready."""

LONG_BYTES = 64 * 1024
PART_BYTES = 64 * 1024

PAYMENTS_MAX = 1_000
"""The most payments in progress; more would only wait for each other."""

WAITING_MAX = 1_000
"""The most requests that wait for something to happen."""

PAYMENT_PATHS = registry.FAST_PAYMENT_PATHS


class Gateway:
    """Runs a WSGI application under RSGI."""

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        application: Application,
        *,
        threads: int,
        hashing_threads: int,
        close: Callable[[], None],
        drain_s: int = 0,
        hashes: Callable[[Environment], bool] = lambda _environment: False,
        mount: Callable[[Environment], None] = lambda _environment: None,
        on_answering: Callable[[], object] = lambda: None,
        on_draining: Callable[[], object] = lambda: None,
    ) -> None:
        """Wrap an application.

        `threads` and `hashing_threads` are the sizes of the pools. The worker calls `close` after
        its last answer. `drain_s` is the time from SIGTERM to the end of the worker, in seconds.
        `hashes` tells whether a POST hashes a password. `mount` points a request at its bank
        before its path is read. The event loop calls `on_answering` when it starts to answer, and
        `on_draining` at SIGTERM.
        """
        self._application = application
        self._close = close
        self._drain_s = drain_s
        self._hashes_password = hashes
        self._mount = mount
        self._on_answering, self._on_draining = on_answering, on_draining
        self._is_draining = False
        self._threads = ThreadPool(threads, waiting_max=1_000)
        self._payment_threads = ThreadPool(threads, waiting_max=0)
        self._payments = GreenletPool(self._payment_threads.call)
        self._waiters = GreenletPool(self._threads.call)
        self._hashing_threads = ThreadPool(hashing_threads, waiting_max=100)
        self._ready_threads = ThreadPool(2, waiting_max=100)

    @property
    def waiting(self) -> int:
        """The number of requests that wait for a thread."""
        pools = self._threads, self._payment_threads, self._hashing_threads
        return sum(each.waiting for each in pools)

    @property
    def payments(self) -> int:
        """The number of payments in progress or queued."""
        return self._payments.count

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start: SIGTERM drains first, then sends SIGINT, by which granian stops."""
        loop.call_soon(self._on_answering)
        loop.add_signal_handler(signal.SIGTERM, self._drain, loop)

    def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._is_draining:
            self._is_draining = True
            self._on_draining()
            loop.call_later(self._drain_s, os.kill, os.getpid(), signal.SIGINT)

    def __rsgi_del__(self, _loop: asyncio.AbstractEventLoop) -> None:
        """Stop: granian ends the worker by `os._exit`, so Python's exit handlers do not run."""
        self._close()

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer one request."""
        environment: Environment = {}
        try:
            environment |= _environment(scope)
            self._mount(environment)
            environment["wsgi.input"] = await _body(environment, protocol)
            environment[ARRIVED_S] = perf_counter()
            status, headers, body = await self._dispatch(environment)
            if DELAY_S in environment:
                await asyncio.sleep(environment[DELAY_S])
        except ProtocolError:
            return  # the client went away
        except Exception as error:  # noqa: BLE001 - logged; the client gets a problem
            status, headers, body = answer_outside(error, environment)
        if self._is_draining:
            headers.append(("Connection", "close"))
        if isinstance(body, bytes):
            protocol.response_bytes(status, headers, body)
        else:
            threads = self._threads_for(environment)
            await threads.send(body, protocol.response_stream(status, headers))

    def _threads_for(self, environment: Environment) -> ThreadPool:
        return self._hashing_threads if self._hashes(environment) else self._threads

    def _hashes(self, environment: Environment) -> bool:
        """Tell whether a request hashes a password; showing the form does not."""
        return environment["REQUEST_METHOD"] == "POST" and self._hashes_password(environment)

    async def _dispatch(self, environment: Environment) -> Answer:
        """Answer a request on the threads that fit it."""
        if self._is_draining:
            environment[DRAINING] = True
        if environment["PATH_INFO"] == LIVE_PATH:
            return self._answer(environment)
        if _pays(environment):
            return await self._run(self._payments, PAYMENTS_MAX, environment)
        if _waits(environment):
            return await self._run(self._waiters, WAITING_MAX, environment)
        if environment["PATH_INFO"] != READY_PATH:
            return await self._threads_for(environment).run(self._answer, environment)
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                return await self._ready_threads.run(self._answer, environment)
        except TimeoutError:
            return self._answer(environment | {OVERLOADED: True})

    async def _run(self, pool: GreenletPool, count_max: int, environment: Environment) -> Answer:
        if pool.count >= count_max:
            return self._answer(environment | {OVERLOADED: True})
        return await pool.run(partial(self._answer, environment))

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
            close_chunks(chunks)
        return *started[0], body


def _parts_of_file(file: BinaryIO, _size: int) -> FileWrapper:
    """Read a file in parts of `PART_BYTES`; each part takes a thread once."""
    return FileWrapper(file, PART_BYTES)


def _is_long(headers: list[tuple[str, str]]) -> bool:
    """Tell whether an answer is too long to be kept in memory for a slow client."""
    return any(name == "Content-Length" and int(text) > LONG_BYTES for name, text in headers)


class TimedOutBody:
    """A body that did not arrive in time: reading it raises."""

    def read(self, _size: int = -1) -> bytes:
        """Raise `RequestTimeout`, which the application answers by 408."""
        raise RequestTimeout


def _pays(environment: Environment) -> bool:
    """Tell whether a request is one payment: short, and waiting for stores alone."""
    return environment["REQUEST_METHOD"] == "POST" and environment["PATH_INFO"] in PAYMENT_PATHS


def _waits(environment: Environment) -> bool:
    """Tell whether a request may wait for something to happen."""
    return environment["PATH_INFO"] in registry.WAITING_PATHS and (
        "wait_s=" in environment["QUERY_STRING"]
    )


async def _body(environment: Environment, protocol: HTTPProtocol) -> BytesIO | TimedOutBody:
    """Read a body. A body with a too large declared length stays unread."""
    length = environment.get("CONTENT_LENGTH")
    if length is None and "HTTP_TRANSFER_ENCODING" not in environment:
        return BytesIO()
    read_max = body_max_bytes(environment["PATH_INFO"]) + 1
    if length is not None and int(length) > read_max:
        return BytesIO()
    if length is None or int(length) > LONG_BYTES:
        require_memory(BODY_BYTES)
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
    """Read a body of unknown length, up to the first chunk that makes it too large."""
    chunks, size = [], 0
    async for chunk in protocol:
        chunks.append(chunk)
        size += len(chunk)
        if not chunk or size >= read_max:
            break
    return b"".join(chunks)


def _environment(scope: Scope) -> Environment:
    server, _, port = scope.server.rpartition(":")
    client, _, client_port = scope.client.rpartition(":")
    environment = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string.encode().decode("latin-1"),
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": client.strip("[]"),
        "REMOTE_PORT": client_port,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": _parts_of_file,
        DELAYS: True,
    }
    for name in scope.headers.keys():  # noqa: SIM118 - granian's mapping
        if "_" in name:
            continue  # it would be taken for a header with a hyphen, as nginx says too
        # granian leaves out a value that is not ASCII: "" is refused, an absent header may not be.
        values = ",".join(scope.headers.get_all(name))  # type: ignore[attr-defined]
        key = name.upper().replace("-", "_")
        environment[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = values
    return environment
