"""Files that survive a power cut: each is whole on the disk, or absent.

A new file is written aside, synced, renamed into place, and its folder is synced. The folder keeps
the name of a file (fsync(2)); a synced file in a folder that is not synced can vanish.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EINVAL
from fcntl import LOCK_EX, flock
from pathlib import Path

PRIVATE = 0o600


def create(path: Path, content: bytes) -> None:
    """Create a file that only its owner can read.

    :raises FileExistsError: the file exists; it stays as it is.
    """
    with locked_folder(path):
        if path.exists():
            raise FileExistsError(path)
        replace(path, content)


def replace(path: Path, content: bytes) -> None:
    """Replace a file; after a power cut it has the old content or the new one.

    Hold `locked_folder` where several processes may replace it.
    """
    new = path.with_name(f".{path.name}.new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(fd, "wb") as file:
        os.fchmod(fd, PRIVATE)
        file.write(content)
        file.flush()
        os.fsync(fd)
    new.replace(path)
    sync_folder(path)


def open_kept(path: Path, flags: int, mode: int) -> int:
    """Open a file, or create it empty with `mode`; return its descriptor once its name is kept."""
    fd = os.open(path, flags | os.O_CREAT, mode)
    sync_folder(path)
    return fd


def make_folder(folder: Path) -> None:
    """Create a folder with the missing ones above it."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder)


def sync_folder(path: Path) -> None:
    """Sync the folder that holds `path`, so that the disk keeps its name."""
    with _opened_folder(path) as fd:
        try:
            os.fsync(fd)
        except OSError as error:
            if error.errno != EINVAL:  # a file system that keeps no folders, such as one by FUSE
                raise


@contextmanager
def locked_folder(path: Path) -> Iterator[None]:
    """Hold the lock (flock) on the folder of `path`: one process at a time creates files there."""
    with _opened_folder(path) as fd:
        flock(fd, LOCK_EX)
        yield


@contextmanager
def _opened_folder(path: Path) -> Iterator[int]:
    fd = os.open(path.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield fd
    finally:
        os.close(fd)
