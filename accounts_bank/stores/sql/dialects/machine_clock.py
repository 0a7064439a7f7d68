"""The clock that the processes of one SQLite file share.

The first process writes the id of the boot and its time. The others add their time since the boot,
which is common to a machine and never jumps (CLOCK_BOOTTIME, clock_gettime(2)).
"""

import time
from datetime import UTC, datetime
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Differs for each boot. Source: random(4)."""


def kept() -> bytes:
    """Return this process's clock, as text without line feeds; empty where it cannot be shared."""
    boot_id = _boot_id()
    return f"{boot_id} {time.time() - _since_boot_s()}".encode() if boot_id else b""


def time_of(clock: bytes) -> datetime | None:
    """Return the time by a kept clock; None where it is empty, or of another boot."""
    boot_id, _, booted_at_s = clock.decode().partition(" ")
    if not boot_id or boot_id != _boot_id():
        return None
    return datetime.fromtimestamp(float(booted_at_s) + _since_boot_s(), UTC)


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:  # no Linux
        return ""


def _since_boot_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
