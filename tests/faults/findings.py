"""Findings: what is wrong, of which sort, and when."""

from enum import StrEnum
from typing import NamedTuple


class Sort(StrEnum):
    """The columns of the table of faults."""

    LOST = "lost"
    DOUBLED = "doubled"
    ALTERED = "altered"
    STALE = "stale"
    OTHER = "other"


class Finding(NamedTuple):
    """One broken promise. `at_s` is a moment of the monotonic clock, 0 where there is none."""

    sort: Sort
    text: str
    at_s: float = 0.0
