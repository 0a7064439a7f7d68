"""Waiting without keeping a thread: payments are put aside while they wait.

Many threads that answer payments spend more on taking turns than on what they do. So payments are
answered in the thread of the event loop, one after the other. What one of them has to wait for, a
store or the commit that it shares, is waited for in another thread (`run_in_thread`), and the
next one begins meanwhile.

What can be put aside in the middle of a function is a greenlet. In any other thread, and where
there is no event loop, the same calls simply wait. Nobody holds a lock while it is put aside: who
wants it next may be in the same thread, which would wait for itself. What somebody may hold for
long is a `FairLock`.
"""

import asyncio
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

AT_ONCE_S = 0.005
"""How long the event loop does nothing but this: as long as Python lets a thread go on."""


class LoopQueue:
    """Has things done in the thread of the event loop, which is woken once for many of them."""

    def __init__(self) -> None:
        self._acts: deque[Callable[[], object]] = deque()
        self._is_told = False

    def do(self, loop: Loop, act: Callable[[], object]) -> None:
        """Have it done soon, after what came before."""
        self._acts.append(act)
        if not self._is_told:  # else the loop has not looked yet, and will find this too
            self._is_told = True
            with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                loop.call_soon_threadsafe(self._do_some, loop)

    def _do_some(self, loop: Loop, left_s: float = inf) -> None:
        """Do what there is time for: then whoever asks the loop for something else has its turn.

        Those took from `left_s` until now; who was begun has as long, and so half of the thread.
        """
        self._is_told = False
        now_s = monotonic()
        until_s = now_s + max(AT_ONCE_S, now_s - left_s)
        while self._acts:
            self._acts.popleft()()
            if self._acts and (now_s := monotonic()) >= until_s:
                self._is_told = True
                loop.call_soon(self._do_some, loop, now_s)
                return


class GreenletPool:
    """Calls functions in the thread of the event loop, which may be put aside."""

    def __init__(self, call_elsewhere: Callable[[Callable[[], Any]], Future]) -> None:
        """`call_elsewhere` has another thread call what waits."""
        self.call_elsewhere = call_elsewhere
        self.count = 0
        """How many calls have begun, or wait to."""
        self._soon = LoopQueue()
        self._idle: list[_Greenlet] = []

    async def run(self, call: Callable[[], Result]) -> Result:
        """Waiter it, one after the other with all that come at the same moment."""
        loop = asyncio.get_running_loop()
        future: Future = loop.create_future()
        self.count += 1
        self._soon.do(loop, lambda: self._begin(loop, future, call))
        return cast("Result", await future)

    def _begin(self, loop: Loop, future: Future, call: Callable[[], Any]) -> None:
        aside = self._idle.pop() if self._idle else _Greenlet(self, loop)
        aside.switch(future, call)

    def resume(self, aside: "_Greenlet") -> None:
        """Go on with what was put aside."""
        self._soon.do(aside.loop, aside.switch)

    def is_over(self, aside: "_Greenlet") -> None:
        """Keep it for another call: to make one costs nearly as much as a whole small answer."""
        self.count -= 1
        self._idle.append(aside)


class _Greenlet(greenlet):
    """Makes one call after the other."""

    def __init__(self, asides: GreenletPool, loop: Loop) -> None:
        super().__init__()
        self.asides, self.loop = asides, loop
        self.switch()  # what it is begun with it would keep for good

    def run(self) -> None:
        while True:
            future, call = self.put()
            if not future.done():  # else nobody waits for it any more
                outcome(future, call)()
            del future, call  # the request, and all that came with it
            self.asides.is_over(self)

    def put(self) -> Any:
        """Put it aside, until somebody switches to it; give what that one gives."""
        return cast("greenlet", self.parent).switch()


def outcome(future: Future, call: Callable[[], Any]) -> Callable[[], None]:
    """Waiter it; give what tells whoever still waits for the future what came of it."""
    try:
        return partial(_settle, future, call(), None)
    except BaseException as error:  # noqa: BLE001 - handed on to whoever awaits it
        return partial(_settle, future, None, error)


def _settle(future: Future, result: object, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def run_in_thread(call: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
    """Waiter what may wait: in another thread, where whoever calls it can be put aside."""
    aside = getcurrent()
    if not isinstance(aside, _Greenlet):
        return call(*arguments, **named)
    future = aside.asides.call_elsewhere(partial(call, *arguments, **named))
    future.add_done_callback(lambda _future: aside.switch())
    aside.put()
    return cast("Result", future.result())


class Waiter:
    """Is waited for by who made it, until somebody calls, once."""

    def __init__(self) -> None:
        maker = getcurrent()
        self._aside = maker if isinstance(maker, _Greenlet) else None
        self._lock = Lock()
        if self._aside is None:
            self._lock.acquire()

    def wait(self, timeout_s: float = -1) -> None:
        """Wait, for so long at most."""
        if self._aside is None:
            self._lock.acquire(timeout=timeout_s)
        elif timeout_s < 0:
            self._aside.put()
        else:
            timer = self._aside.loop.call_later(timeout_s, self.call)
            self._aside.put()
            timer.cancel()

    def call(self) -> None:
        """Have it go on. It may be called again where that was the end of its time."""
        if self._aside is None:
            self._lock.release()
        elif self._lock.acquire(blocking=False):  # taken by the first
            self._aside.asides.resume(self._aside)


class FairLock:
    """A lock: whoever waits for it is put aside. Nobody is while it is held.

    Who came first has it first. Else those who hold it for long, one after the other, would leave
    it to nobody who has to be called before it can be taken.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_taken = False
        self._waiting: deque[Waiter] = deque()

    def __enter__(self) -> None:
        """Wait until it is free, and take it."""
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return
            self._waiting.append(call := Waiter())
        call.wait()  # it was never free: who had it left it taken

    def __exit__(self, *_error: object) -> None:
        """Leave it to the next one."""
        with self._lock:
            following = self._waiting.popleft() if self._waiting else None
            self._is_taken = following is not None
        if following:
            following.call()
