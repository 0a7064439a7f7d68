"""A clock moved by hand, and ids with its time."""

from datetime import datetime, timedelta
from random import Random
from uuid import UUID

_RANDOM_BITS = 74


class SimulatedClock:
    """A clock that is moved by hand and advances 1 ms with each read."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the time."""
        self.now += timedelta(milliseconds=1)
        return self.now

    def move_to(self, moment: datetime) -> None:
        """Move to a later moment; an earlier one changes nothing."""
        self.now = max(self.now, moment)


class SimulatedIds:
    """UUIDs of version 7 (RFC 9562, 5.7) with the time of a clock; the same for the same seed."""

    def __init__(self, past: SimulatedClock, random: Random) -> None:
        self._past = past
        self._random = random

    def __call__(self) -> str:
        """Return the next id; the clock advances, so ids are in the order of their creation."""
        milliseconds = int(self._past().timestamp() * 1000)
        bits = self._random.getrandbits(_RANDOM_BITS)
        high, low = bits >> 62, bits & (1 << 62) - 1
        return str(UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low))
