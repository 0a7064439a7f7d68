"""The write-ahead log of a SQLite file after a kill: whether it is the one that was left.

The newest commits are in `bank.db-wal` until a checkpoint moves them. `bank.db-shm` counts them. A
kill leaves both files. SQLite does not compare them: it opens the file without a log that was
deleted, and applies an older log.

    bank.db-shm    its count of frames, those moved to the file, the salts of the log
    bank.db-wal    its header with the salts, then frames

Each new round of a log has the first salt of the round before, plus one.
Source: https://sqlite.org/walformat.html, section 2; https://sqlite.org/fileformat.html, section 4.
"""

import struct
from pathlib import Path

from msgspec import Struct

_INDEX = struct.Struct("=12xBxHI12x")
"""isInit, szPage, mxFrame of the index header; then come the salts, as they are in the log."""
_INDEX_BYTES, _SALTS_BYTES = 48, 8
_MOVED = struct.Struct("=I")
_LOG_HEADER_BYTES, _LOG_SALTS_AT, _FRAME_HEADER_BYTES = 32, 16, 24
_ROUNDS_MAX = 2**20


class _Index(Struct, frozen=True):
    """The newest commit that `bank.db-shm` knows."""

    salts: bytes
    frames: int
    moved: int
    page_bytes: int


def fault_of_log(file: Path, *, is_same_boot: bool) -> str:
    """Return the fault of the log of a file that no process has open, "" for none.

    :param is_same_boot: whether the file was last used since the machine started. After a power cut
        the index may be older than the log.
    """
    log, index = (file.with_name(file.name + suffix) for suffix in ("-wal", "-shm"))
    known = _index(_start_of(index, 2 * _INDEX_BYTES + _MOVED.size))
    if known is None or not known.frames:
        return ""
    header = _start_of(log, _LOG_HEADER_BYTES)
    if len(header) < _LOG_HEADER_BYTES:
        is_lost = is_same_boot and known.moved < known.frames
        return f"{log.name}, which has its newest entries, is missing or empty" if is_lost else ""
    salts = header[_LOG_SALTS_AT : _LOG_SALTS_AT + _SALTS_BYTES]
    if salts != known.salts:
        is_other = is_same_boot and not _is_later(salts, known.salts)
        return f"{log.name} is of another moment" if is_other else ""
    least = _LOG_HEADER_BYTES + known.frames * (_FRAME_HEADER_BYTES + known.page_bytes)
    size = log.stat().st_size
    return f"{log.name} has {size} bytes, and had {least}" if size < least else ""


def _index(text: bytes) -> _Index | None:
    """Decode an index; None where it is empty, or was being written at the kill."""
    first, second = text[:_INDEX_BYTES], text[_INDEX_BYTES : 2 * _INDEX_BYTES]
    if len(text) < 2 * _INDEX_BYTES + _MOVED.size or first != second:
        return None
    is_made, page_bytes, frames = _INDEX.unpack_from(first)
    (moved,) = _MOVED.unpack_from(text, 2 * _INDEX_BYTES)
    salts = first[_INDEX.size : _INDEX.size + _SALTS_BYTES]
    return (
        _Index(salts, frames, moved, 65_536 if page_bytes == 1 else page_bytes) if is_made else None
    )


def _is_later(salts: bytes, known: bytes) -> bool:
    """Tell whether salts are of a later round than known ones."""
    first, before = (int.from_bytes(each[:4]) for each in (salts, known))
    return 0 < (first - before) % 2**32 < _ROUNDS_MAX


def _start_of(path: Path, count: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError:
        return b""
