"""Faults of the clock of one bank's machine."""

from typing import ClassVar

from tests.faults.kinds.fault import Fault


class ClockMoved(Fault):
    """The system's clock of one bank is wrong, and then right again."""

    ahead_s: ClassVar[int]
    programs = ("gcc",)
    lasts_s = 4.0

    def inject(self) -> None:
        self.host.move_clock(self.ahead_s)

    def heal(self) -> None:
        self.host.move_clock(0)


class ClockDayAhead(ClockMoved):
    name = "a clock is a day ahead"
    ahead_s = 86_400


class ClockHourBack(ClockMoved):
    name = "a clock is an hour back"
    ahead_s = -3_600


class ClockAhead(ClockMoved):
    """Less than a bank has to notice."""

    name = "a clock is 2 s ahead"
    ahead_s = 2


KINDS = [
    ClockDayAhead,
    ClockHourBack,
    ClockAhead,
]
