"""A greenlet scheduler on the event loop: a payment that waits occupies no thread.

Many threads that answer payments spend more time on switching than on payments. The event loop's
thread therefore runs all payments, one at a time. Another thread does each call that blocks, such
as a call of a store; meanwhile the event loop runs the next payment.

    event loop's thread                               answering threads
    -------------------                               -----------------
    GreenletPool.run(A) --> LoopQueue
    A starts
    A: run_in_thread(store.append) ---- suspend ----> store.append blocks
    B starts; B: FairLock is taken ---- suspend          |
    ...                                                  |
    A resumes with the result  <----- LoopQueue ------ done
    A releases the FairLock; B resumes

Invariants:

1. A greenlet runs only on the thread of its event loop, so greenlets of one loop never race.
2. A greenlet is suspended only in `run_in_thread`, `Waiter.wait` and `FairLock.__enter__`.
3. A greenlet that is suspended holds no lock: the next greenlet that wants it runs on the same
   thread, which would wait for itself. `InlineLock` and `FairLock` count what a thread holds, and
   each of the three calls raises `LockHeldError` at once, in plain threads as well.
4. A call that blocks runs in another thread, by `run_in_thread`.
5. Outside a greenlet the same calls simply block, so a store needs no second version.
6. The event loop gets half of the thread when it has other work: `LoopQueue` yields to it.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from math import inf
from threading import Lock
from time import monotonic
from typing import Any, TypeVar, cast

from greenlet import getcurrent, greenlet

Future = asyncio.Future[Any]
Loop = asyncio.AbstractEventLoop
Result = TypeVar("Result")

SLICE_S = 0.005
"""How long `LoopQueue` keeps the event loop: Python's own switch interval between threads."""


class LockHeldError(RuntimeError):
    """A mistake in the code: it waits, or lets another thread work, while it holds a lock."""


class _Held(threading.local):
    """The number of inline locks that the current thread holds."""

    count = 0


_held = _Held()


def _require_no_lock() -> None:
    if _held.count:
        raise LockHeldError("A lock is held here: release it before anything that may wait.")


class InlineLock:
    """A lock for a few instructions, which may stand on a greenlet's path.

    It blocks the thread while another thread holds it. Code inside it must not wait.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = Lock()

    def __enter__(self) -> None:
        """Take the lock."""
        self._lock.acquire()
        _held.count += 1

    def __exit__(self, *_error: object) -> None:
        """Release the lock."""
        _held.count -= 1
        self._lock.release()


class LoopQueue:
    """Runs functions on the event loop's thread and wakes the loop once for many of them."""

    def __init__(self) -> None:
        self._functions: deque[Callable[[], object]] = deque()
        self._is_scheduled = False

    def put(self, loop: Loop, function: Callable[[], object]) -> None:
        """Run a function soon, after all that came before. Any thread may call this."""
        self._functions.append(function)
        if not self._is_scheduled:  # a scheduled run will find this function too
            self._is_scheduled = True
            with suppress(RuntimeError):  # the loop has ended; its results have no reader
                loop.call_soon_threadsafe(self._run_slice, loop)

    def _run_slice(self, loop: Loop, yielded_s: float = inf) -> None:
        """Run functions for one slice of time, then yield to the loop's other work.

        The loop's other work took the time since `yielded_s`. This slice lasts as long, and
        `SLICE_S` at least, so both get half of the thread.
        """
        self._is_scheduled = False
        now_s = monotonic()
        until_s = now_s + max(SLICE_S, now_s - yielded_s)
        while self._functions:
            self._functions.popleft()()
            if self._functions and (now_s := monotonic()) >= until_s:
                self._is_scheduled = True
                loop.call_soon(self._run_slice, loop, now_s)
                return


class GreenletPool:
    """Runs functions as greenlets on the event loop's thread."""

    def __init__(self, call_in_thread: Callable[[Callable[[], Any]], Future]) -> None:
        """Build a pool; `call_in_thread` runs a function that blocks and returns its future."""
        self.call_in_thread = call_in_thread
        self.count = 0
        """The number of calls that run, are suspended or wait to start."""
        self._queue = LoopQueue()
        self._idle: list[_Greenlet] = []

    async def run(self, call: Callable[[], Result]) -> Result:
        """Run a function in a greenlet and await its result; its exception is raised here."""
        loop = asyncio.get_running_loop()
        future: Future = loop.create_future()
        self.count += 1
        self._queue.put(loop, lambda: self._start(loop, future, call))
        return cast("Result", await future)

    def _start(self, loop: Loop, future: Future, call: Callable[[], Any]) -> None:
        idle = self._idle.pop() if self._idle else _Greenlet(self, loop)
        idle.switch(future, call)

    def resume(self, suspended: "_Greenlet") -> None:
        """Resume a suspended greenlet. Any thread may call this."""
        self._queue.put(suspended.loop, suspended.switch)

    def recycle(self, finished: "_Greenlet") -> None:
        """Keep a greenlet for the next call: making one costs as much as a small answer."""
        self.count -= 1
        self._idle.append(finished)


class _Greenlet(greenlet):
    """Runs one call after the other."""

    def __init__(self, pool: GreenletPool, loop: Loop) -> None:
        super().__init__()
        self.pool, self.loop = pool, loop
        self.switch()  # start without arguments: a greenlet keeps its first ones for good

    def run(self) -> None:
        while True:
            future, call = self.suspend()
            if not future.done():  # a future that is done was cancelled: it has no reader
                outcome(future, call)()
            del future, call  # release the request and all that belongs to it
            self.pool.recycle(self)

    def suspend(self) -> Any:
        """Return to the event loop until a `switch` resumes this; return the switch's arguments."""
        return cast("greenlet", self.parent).switch()


def outcome(future: Future, call: Callable[[], Any]) -> Callable[[], None]:
    """Call a function; return a function that sets its result or exception on the future."""
    try:
        return partial(_settle, future, call(), None)
    except BaseException as error:  # noqa: BLE001 - the future carries it to its reader
        return partial(_settle, future, None, error)


def _settle(future: Future, result: object, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def run_in_thread(call: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
    """Run a function that may block: in another thread where the caller is a greenlet.

    :raises LockHeldError: the caller holds an inline lock.
    """
    _require_no_lock()
    current = getcurrent()
    if not isinstance(current, _Greenlet):
        return call(*arguments, **named)
    future = current.pool.call_in_thread(partial(call, *arguments, **named))
    future.add_done_callback(lambda _future: current.switch())
    current.suspend()
    return cast("Result", future.result())


class Waiter:
    """A one-shot signal: its maker waits until another thread or greenlet calls it.

    A call that comes before the wait ends it at once, so the maker may do other work meanwhile.
    """

    def __init__(self) -> None:
        maker = getcurrent()
        self._greenlet = maker if isinstance(maker, _Greenlet) else None
        self._lock = Lock()
        self._is_called = self._is_suspended = False
        if self._greenlet is None:
            self._lock.acquire()

    def wait(self, timeout_s: float = -1) -> None:
        """Wait for the call, `timeout_s` seconds at most; without end where it is negative.

        :raises LockHeldError: the caller holds an inline lock.
        """
        _require_no_lock()
        if self._greenlet is None:
            self._lock.acquire(timeout=timeout_s)
            return
        with self._lock:
            if self._is_called:
                return
            self._is_suspended = True
        timer = self._greenlet.loop.call_later(timeout_s, self.call) if timeout_s >= 0 else None
        self._greenlet.suspend()
        if timer:
            timer.cancel()

    def call(self) -> None:
        """Resume the maker, if it waits. A second call does nothing."""
        if self._greenlet is None:
            self._lock.release()
            return
        with self._lock:
            resumes = self._is_suspended and not self._is_called
            self._is_called = True
        if resumes:
            self._greenlet.pool.resume(self._greenlet)


class FairLock:
    """A lock that is held for longer: a greenlet that waits for it is suspended.

    The lock goes to its waiters in the order of their arrival. Otherwise a thread that takes it
    again and again would starve a greenlet, which has to be resumed before it can take it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_taken = False
        self._waiting: deque[Waiter] = deque()

    def __enter__(self) -> None:
        """Wait until the lock is free, and take it.

        :raises LockHeldError: the caller holds an inline lock, or another `FairLock`.
        """
        _require_no_lock()
        waiter = self._take_or_wait()
        if waiter is not None:
            waiter.wait()  # the holder before leaves the lock taken, for this waiter
        _held.count += 1

    def _take_or_wait(self) -> Waiter | None:
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return None
            self._waiting.append(waiter := Waiter())
            return waiter

    def __exit__(self, *_error: object) -> None:
        """Hand the lock to the first waiter, or free it."""
        _held.count -= 1
        with self._lock:
            following = self._waiting.popleft() if self._waiting else None
            self._is_taken = following is not None
        if following:
            following.call()
