"""The files in which several processes keep their numbers, one of each type for each process.

prometheus-client maps the files. It doubles a file that is full, and a failure in the middle of
that breaks the file for good. A disk that is full kills the process at its next write to a new
page (SIGBUS). Each file therefore gets the room for all numbers at the start.

This module imports no prometheus-client: the first process sets `FOLDER` before any import of it.
"""

import os
from pathlib import Path

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that prometheus-client reads when a worker imports it."""

ROOM_BYTES = {"counter": 2 * 1024 * 1024, "histogram": 2 * 1024 * 1024} | dict.fromkeys(
    ("gauge_livesum", "gauge_livemax", "gauge_max", "gauge_mostrecent"), 64 * 1024
)
"""The size of each file, by its type. A test fills the files with all routes and statuses."""


def reserve(folder: Path) -> None:
    """Make the files of this process in their full size, before prometheus-client opens them.

    :raises OSError: the folder has no room, or cannot be written; no file is left in it.
    """
    files = {folder / f"{kind}_{os.getpid()}.db": size for kind, size in ROOM_BYTES.items()}
    try:
        for file, size in files.items():
            _extend(file, size)
    except OSError:
        for file in files:
            file.unlink(missing_ok=True)
        raise


def _extend(file: Path, size: int) -> None:
    fd = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # macOS lacks `posix_fallocate`; there the file has its size and no room of its own.
        getattr(os, "posix_fallocate", lambda fd, _start, size: os.truncate(fd, size))(fd, 0, size)
    finally:
        os.close(fd)
