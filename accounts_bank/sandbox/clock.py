"""The clock of a sandbox bank: real, running ahead of real time, or frozen. It never moves back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from accounts_bank.errors import ClockBackward, InvalidRequest

Mode = Literal["real", "running", "frozen"]
_NO_TIME = timedelta()


class ClockState(Struct, frozen=True):
    """A clock as it is saved.

    :param now: its time when it was saved; None for a real clock.
    :param saved_at: the real time of that moment; a running clock goes on from there.
    """

    mode: Mode = "real"
    now: datetime | None = None
    saved_at: datetime | None = None


class BankClock:
    """Gives the time of a bank."""

    def __init__(
        self,
        real: Callable[[], datetime],
        keep: Callable[[ClockState], None] = lambda _state: None,
    ) -> None:
        """Begin at real time.

        :param real: gives the real time.
        :param keep: saves each change, before any work is done at the new time.
        """
        self._real = real
        self._keep = keep
        self._ahead = _NO_TIME
        self._stands_at: datetime | None = None
        self._mode: Mode = "real"

    def __call__(self) -> datetime:
        """Return the time of the bank, in UTC."""
        return self._stands_at or self._real() + self._ahead

    @property
    def mode(self) -> Mode:
        """The mode: `running` is real time and an offset."""
        return self._mode

    def is_standing(self) -> bool:
        """Return whether time does not go on by itself: frozen, or during an advance."""
        return self._stands_at is not None

    def set(self, mode: Mode, now: datetime | None) -> None:
        """Set the mode, and the time where one is given.

        :raises InvalidRequest: a real clock gets a time.
        :raises ClockBackward: the time would move back.
        """
        if mode == "real" and now is not None:
            raise InvalidRequest("A real clock takes no time. Leave `now` out.", pointer="/now")
        present = self()
        target = self._real() if mode == "real" else now or present
        if target < present and not (mode == "real" == self._mode):
            raise ClockBackward
        self._set(mode, target)

    @contextmanager
    def stepping(self) -> Iterator[Callable[[datetime], None]]:
        """Let the clock stand and yield a function that moves it on; then it goes on as before.

        A real clock that was moved goes on as a running one.
        """
        mode = self._mode
        self._stands_at = self()
        try:
            yield self._stand_on
        finally:
            moved = self()
            is_ahead = moved > self._real()
            self._set("running" if mode == "real" and is_ahead else mode, moved)

    def state(self) -> ClockState:
        """Return the clock as it is saved."""
        return self._state(self._mode, self())

    def restore(self, state: ClockState, *, goes_on: bool = False) -> None:
        """Take over a saved clock, also an earlier one.

        :param goes_on: a running clock adds the real time since it was saved, as after a restart.
        """
        now = state.now or self._real()
        if goes_on and state.mode == "running" and state.saved_at is not None:
            now += max(_NO_TIME, self._real() - state.saved_at)
        self._set(state.mode, now)

    def _set(self, mode: Mode, now: datetime) -> None:
        self._keep(self._state(mode, now))
        self._mode = mode
        self._ahead = now - self._real() if mode == "running" else _NO_TIME
        self._stands_at = now if mode == "frozen" else None

    def _stand_on(self, at: datetime) -> None:
        """Move a standing clock on; an earlier time changes nothing."""
        at = max(at, self())
        self._keep(self._state("running" if self._mode == "real" else self._mode, at))
        self._stands_at = at

    def _state(self, mode: Mode, now: datetime) -> ClockState:
        return ClockState() if mode == "real" else ClockState(mode, now, self._real())
