"""A bounded pool of threads that answer requests for an event loop.

The standard library's executor wakes the event loop once for each result and keeps a second future
for each call. On a busy bank both cost as much as the answer itself.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from threading import Lock, Thread
from typing import Any, cast

from granian.rsgi import ProtocolError  # type: ignore[attr-defined]

from accounts_bank.concurrency.greenlets import Future, Loop, LoopQueue, outcome
from accounts_bank.http.middleware import OVERLOADED
from accounts_bank.observability.wsgi import Environment, close_chunks

CHUNK_TIMEOUT_S = 30
"""How long a client may take to accept one part of a long answer."""

Answer = tuple[int, list[tuple[str, str]], bytes | Iterable[bytes]]
"""Status, headers, and the body: whole, or as an iterable of parts."""


class ThreadPool:
    """A fixed number of threads, and a bound on the requests that wait for one.

    The pool reuses the most recently idle thread (LIFO), because its caches are warm.
    """

    def __init__(self, count: int, waiting_max: int) -> None:
        self._lock = Lock()
        self._calls: deque[tuple[Loop, Future, Callable[[], Any]]] = deque()
        self._idle: list[Lock] = []
        self._results = LoopQueue()
        self._requests, self._requests_max = 0, count + waiting_max
        for number in range(count):
            Thread(target=self._work, name=f"answers-{number}", daemon=True).start()

    @property
    def waiting(self) -> int:
        """The number of calls that wait for a thread."""
        return len(self._calls)

    async def run(
        self, answer: Callable[[Environment], Answer], environment: Environment
    ) -> Answer:
        """Answer a request in a thread; past the bound, answer at once that the bank is busy."""
        if self._requests >= self._requests_max:
            return answer(environment | {OVERLOADED: True})
        self._requests += 1
        try:
            return cast("Answer", await self.call(partial(answer, environment)))
        finally:
            self._requests -= 1

    async def send(self, chunks: Iterable[bytes], stream: Any) -> None:
        """Send a long answer. Making a part takes a thread; sending it takes none."""
        parts = iter(chunks)
        try:
            while (part := await self.call(partial(next, parts, None))) is not None:
                async with asyncio.timeout(CHUNK_TIMEOUT_S):
                    await stream.send_bytes(part)
        except (TimeoutError, ProtocolError):
            return  # the client went away, or takes no more
        finally:
            await self.call(partial(close_chunks, chunks))

    def call(self, call: Callable[[], Any]) -> Future:
        """Run a function in a thread; return the future of its result."""
        loop = asyncio.get_running_loop()
        future: Future = loop.create_future()
        with self._lock:
            self._calls.append((loop, future, call))
            last_idle = self._idle.pop() if self._idle else None
        if last_idle is not None:
            last_idle.release()
        return future

    def _work(self) -> None:
        wake_up = Lock()
        wake_up.acquire()
        while True:
            with self._lock:
                taken = self._calls.popleft() if self._calls else None
                if taken is None:
                    self._idle.append(wake_up)
            if taken is None:
                wake_up.acquire()
                continue
            loop, future, call = taken
            if not future.cancelled():  # a cancelled future has no reader
                self._results.put(loop, outcome(future, call))
