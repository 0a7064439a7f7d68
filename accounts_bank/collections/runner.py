"""The runner: one thread that gives each job of the process its ticks.

    DueWork of bank A    tick in 3.2 s  --.
    DueWork of bank B    never            |--> the thread sleeps until the next tick,
    idle banks           tick in 60 s   --'    or until a job wakes it

Invariants:

1. One tick runs at a time, so a job needs no lock against itself.
2. A wake-up during a tick is not lost: the job gets another tick.
3. A job without a next tick costs nothing until it is woken.
"""

from collections.abc import Hashable
from functools import partial
from math import inf
from threading import Condition, Thread, current_thread
from time import monotonic
from typing import Protocol

WAIT_MAX_S = 24 * 60 * 60
"""A thread cannot wait for a time in the far future, such as a schedule of the year 9999 has."""


class Job(Hashable, Protocol):
    """Work that is done again and again."""

    wake: "Wake"

    def tick(self) -> float | None:
        """Do the work; return the seconds until the next tick, None to wait for a wake-up."""

    def close(self) -> None:
        """End a tick in progress soon."""


class Wake(Protocol):
    """Asks for a tick."""

    def __call__(self, in_s: float, /) -> None:
        """Ask for a tick in some seconds, or earlier."""


class Runner:
    """Runs the jobs of all banks of a process."""

    def __init__(self) -> None:
        self._condition = Condition()
        self._next_s: dict[Job, float] = {}
        """The time of the next tick of each job, on the monotonic clock."""
        self._is_closed = False
        self._thread = Thread(target=self._run, name="runner", daemon=True)

    def add(self, job: Job) -> None:
        """Give a job its first tick soon."""
        job.wake = partial(self._wake, job)
        with self._condition:
            self._next_s[job] = monotonic()
            self._condition.notify()

    def remove(self, job: Job) -> None:
        """Give a job no more ticks."""
        job.close()
        with self._condition:
            self._next_s.pop(job, None)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Finish the present tick and end the thread."""
        with self._condition:
            self._is_closed = True
            self._condition.notify()
        for job in list(self._next_s):
            job.close()
        if self._thread.is_alive() and self._thread is not current_thread():
            self._thread.join()

    def _wake(self, job: Job, in_s: float) -> None:
        at_s = monotonic() + in_s
        with self._condition:
            if at_s < self._next_s.get(job, -inf):
                self._next_s[job] = at_s
                self._condition.notify()

    def _run(self) -> None:
        while (job := self._next_job()) is not None:
            in_s = job.tick()
            with self._condition:
                if in_s is not None and job in self._next_s:
                    self._next_s[job] = min(self._next_s[job], monotonic() + in_s)

    def _next_job(self) -> Job | None:
        """Wait for the next tick; return its job, or None at the end."""
        with self._condition:
            while not self._is_closed:
                job = min(self._next_s, key=self._next_s.__getitem__, default=None)
                left_s = inf if job is None else self._next_s[job] - monotonic()
                if job is not None and left_s <= 0:
                    self._next_s[job] = inf
                    return job
                self._condition.wait(min(left_s, WAIT_MAX_S))
        return None
