"""The length of tests that repeat: a short form in `make test`, the full one in `make soak`."""

import os
from typing import TypeVar

T = TypeVar("T")

SOAK = bool(os.environ.get("SOAK"))


def rounds(short: T, full: T) -> T:
    """Pick the length of this run. Mark tests that use it with `soak`, so that both forms run."""
    return full if SOAK else short
