"""The files of an audit log: their names, their ends, and the verification of all parts."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from fcntl import LOCK_SH, flock
from itertools import chain as joined
from pathlib import Path
from typing import BinaryIO

import msgspec

from accounts_bank.audit.chain import Head, verify

LINES_MIN = 10
END_BYTES = 128 * 1024
"""The length of the end of a log that each start compares with the store."""


def end_of(path: Path) -> list[bytes]:
    """Return the last lines of a log, without their line feeds: some hundreds of them."""
    with path.open("rb") as file:
        begin, lines = file.seek(0, os.SEEK_END), list[bytes]()
        while begin and len(lines) < LINES_MIN:
            begin = max(0, 2 * begin - file.seek(0, os.SEEK_END) - END_BYTES)
            file.seek(begin)
            lines = file.read().splitlines()[1 if begin else 0 :]
    return lines


def head_path_of(path: Path) -> Path:
    """Return the path of a log's head."""
    return path.with_name(path.name + ".head")


def key_path_of(path: Path) -> Path:
    """Return the path of a log's key where AUDIT_KEY_FILE is not set."""
    return path.with_name(path.name + ".key")


def parts_of(path: Path) -> list[Path]:
    """List a log and its rotated parts, the oldest first: audit.log.2, audit.log.1, audit.log."""
    rotated = [each for each in path.parent.glob(f"{path.name}.*") if each.suffix[1:].isdigit()]
    return [*sorted(rotated, key=lambda each: -int(each.suffix[1:])), path]


def verify_files(
    paths: list[Path],
    key_path: Path | None = None,
    *,
    on_lock: Callable[[Head | None], None] = lambda _head: None,
    on_line: Callable[[bytes], None] = lambda _line: None,
    from_start: bool = True,
) -> tuple[int, str | None]:
    """Verify a log in one or several files, the oldest first; return the line count and a fault.

    The head, and the key without `key_path`, lie beside the last file. `on_lock` is called once
    with the head, while no writer is active: the log is verified as of that moment. `on_line` is
    called with each valid line. Without `from_start` the first line may have any number.

    :raises OSError: a file cannot be read.
    """
    key = (key_path or key_path_of(paths[-1])).read_bytes()
    with ExitStack() as opened:
        with _locked_head(head_path_of(paths[-1])) as head:
            files = [opened.enter_context(path.open("rb")) for path in paths]
            size = os.fstat(files[-1].fileno()).st_size
            on_lock(head)
        lines = joined(*files[:-1], _lines_before(files[-1], size))
        return verify(key, lines, head, on_line=on_line, from_start=from_start)


@contextmanager
def _locked_head(head_path: Path) -> Iterator[Head | None]:
    """Yield the head while the lock keeps writers out."""
    if not head_path.exists():
        yield None
        return
    with head_path.open("rb") as file:
        flock(file, LOCK_SH)
        yield decode_head(file.read())


def _lines_before(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the lines before an offset in bytes, without lines written meanwhile."""
    read = 0
    for line in file:
        if read >= size:
            return
        yield line
        read += len(line)


def decode_head(text: bytes) -> Head | None:
    """Read a head; one that cannot be read has no valid seal."""
    try:
        return msgspec.json.decode(text, type=Head) if text.strip(b"\0") else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Head(number=-1)
