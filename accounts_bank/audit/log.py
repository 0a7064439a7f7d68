"""The audit log: a chain of sealed lines in a file, and the end of the chain in a second file.

    records --> AuditLog.writing() takes the lock (flock on audit.log.head)
                   |
                   +--> append: audit.log       {"number":7, ..., "previous_hash":H6, "hash":H7}
                   +--> append: audit.log.head  number 7, H7, size, settled: false
                   +--> the outbox marks its items as sealed
                   +--> end:    audit.log.head  settled: true
                   |
                releases the lock

Invariants:

1. One writer at a time, over all threads and processes: the lock on the head file.
2. A line holds the next number and the hash of the line before it; the key seals line and head.
3. The log is written before the head. After a crash the head is behind, never ahead, and the next
   writer moves it on over each whole line with a valid hash and cuts off a torn one.
4. An unsettled head means that a writer ended midway. Then a record is not written again if its id
   stands among the last lines.
5. A batch that fails is cut off again, so none of its lines remains.
6. A log that was renamed (rotated) continues in a new file, with the same chain.

The key lies beside the log as `audit.log.key`. Set AUDIT_KEY_FILE to keep it away from processes
that can write the log but must not be able to forge it.
"""

import logging
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from errno import EBADMSG
from fcntl import LOCK_EX, LOCK_SH, LOCK_UN, flock
from functools import partial
from itertools import chain as joined
from mmap import mmap
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

import msgspec
from msgspec.structs import replace

from accounts_bank import durable_files
from accounts_bank.audit.chain import Head, chain, fault_of, is_sealed, seal, step, verify
from accounts_bank.audit.log_file import LogFile, logger
from accounts_bank.audit.records import Record
from accounts_bank.errors import SettingsError

HEAD_BYTES = 512
KEY_BYTES = 32
LAST_BYTES = 4 * 1024 * 1024
"""The length of the end that may hold unsettled lines: more than any batch."""

_WRONG_KEY = (
    "The audit log {log} was not sealed with the key in {key}: give the right one by "
    "AUDIT_KEY_FILE, or move the log, its .head and its .key away together."
)
_SHORT_KEY = (
    "The key {key} of the audit log {log} has {count} bytes, where 32 belong: a power cut or a "
    "full disk emptied it. Restore it from a backup, or give the right one by AUDIT_KEY_FILE. "
    "Without it the log can never be proven: move the log, its .head and its .key away together."
)
_EMPTY_HEAD = (
    "The head {head} of the audit log {log} is empty, while the log has lines: a power cut or a "
    "full disk emptied it, or it was removed. Restore it from a backup; an older head will do, "
    "it follows the log. Without a head nothing tells whether the end of the log was cut."
)

_own = logging.getLogger(__name__)


class AuditLog:
    """An audit log, shared by all threads and processes that write to it."""

    def __init__(self, path: Path, key_path: Path | None = None, *, sync: bool = False) -> None:
        """Open the log; create it and its key where they are missing.

        With `sync` each batch is on the disk (fsync) before it counts as written.

        :raises SettingsError: it was sealed with another key, or a file cannot be opened.
        """
        path = self.path = path.absolute()
        self._lock = Lock()
        self._sync = sync
        try:
            durable_files.make_folder(path.parent)
            self._fd = durable_files.open_kept(head_path_of(path), os.O_RDWR, 0o600)
            # A full disk is felt here, and not as a SIGBUS when the map is written.
            size = os.fstat(self._fd).st_size
            os.pwrite(self._fd, bytes(max(0, HEAD_BYTES - size)), size)
            self._map = mmap(self._fd, HEAD_BYTES)
            self._known = bytes(HEAD_BYTES), Head()
            with self._locked():
                self._key = self._open_key(key_path or key_path_of(path))
            self._handler = LogFile(path)
        except OSError as error:
            message = f"The audit log {path} cannot be opened ({error.strerror}): set AUDIT_LOG."
            raise SettingsError(message) from error

    def append(self, records: Iterable[Record]) -> None:
        """Write records, numbered and chained.

        :raises OSError: the head was altered, or a write failed; then no record is written.
        """
        with self.writing() as (append, _):
            append(records)

    @contextmanager
    def writing(self) -> Iterator[tuple[Callable[[Iterable[Record]], None], bool]]:
        """Lock out other writers; yield a function that appends, and whether all is settled.

        The head stays unsettled until the end of the block (invariant 4).

        :raises OSError: the head was altered, or a write failed; then no record is written.
        """
        with self._locked():
            head = self._mend(self._head())
            if head != self._head():
                self._write_head(head)  # after a power cut it may follow by many lines
            known = set() if head.settled else self._last_ids()
            yield partial(self._append, known), head.settled
            head = self._head()
            if not head.settled:
                self._write_head(replace(head, settled=True))

    def _append(self, known: set[Any], records: Iterable[Record]) -> None:
        head = self._mend(self._head())
        lines, begin = [], head.size
        for record in records:
            if record.get("id") not in known:
                line, head = chain(self._key, head, record)
                lines.append(line)
        if lines:
            self._emit(lines, begin)
        self._write_head(replace(head, settled=False))

    def _emit(self, lines: list[bytes], begin: int) -> None:
        try:
            logger.info(b"\n".join(lines).decode(), extra={"audit_log": self._handler})
            if self._sync:
                self._handler.sync()
        except OSError:
            self._handler.cut(begin)
            raise

    def _last_ids(self) -> set[Any]:
        with self.path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_BYTES))
            lines = file.read().splitlines()
        return {_decode(line).get("id") for line in lines} - {None}

    def read(self, after: int, limit: int) -> list[bytes]:
        """Return at most `limit` lines numbered above `after`, as written, oldest first."""
        try:
            with self.path.open("rb") as file:
                file.seek(_offset_after(file, after))
                lines = [line for _, line in zip(range(limit), file, strict=False)]
        except FileNotFoundError:  # rotated a moment ago
            return []
        return [line[:-1] for line in lines if line.endswith(b"\n") and _number(line)]

    def verify(
        self,
        key_path: Path | None = None,
        *,
        on_lock: Callable[[], None],
        on_line: Callable[[bytes], None],
    ) -> tuple[int, str | None]:
        """Verify the log and its rotated parts, as `verify_files` does."""
        paths = parts_of(self.path)
        return verify_files(paths, key_path, on_lock=on_lock, on_line=on_line, from_start=False)

    def last_number(self) -> int:
        """Return the number of the newest line, 0 for an empty log."""
        return self._head().number

    def close(self) -> None:
        """Close the files."""
        self._handler.close()
        self._map.close()
        os.close(self._fd)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock:
            flock(self._fd, LOCK_EX)
            try:
                yield
            finally:
                flock(self._fd, LOCK_UN)

    def _head(self) -> Head:
        """Read the head, which another process may have moved on."""
        text = self._map[:]
        if text != self._known[0]:
            head = _decode_head(text) or Head()
            if head.number and not is_sealed(self._key, head):
                raise OSError(EBADMSG, "the head of the audit log was altered")
            self._known = text, head
        return self._known[1]

    def _write_head(self, head: Head) -> None:
        text = _encode_head(seal(self._key, head))
        self._map[:] = text
        self._known = text, head

    def _open_key(self, path: Path) -> bytes:
        """Read the key. Where nothing was sealed yet, begin the head and make a missing key.

        The head is on the disk before the key, and the key before the first line. So a power cut
        leaves no key without a head, and no line without a key.
        """
        head = _decode_head(self._map[:])
        is_new = head is None or head.number == 0
        if head is None and self.path.is_file() and self.path.stat().st_size:
            raise SettingsError(_EMPTY_HEAD.format(log=self.path, head=head_path_of(self.path)))
        has_key = path.exists()
        key = path.read_bytes() if has_key else secrets.token_bytes(KEY_BYTES) if is_new else b""
        if has_key and len(key) < KEY_BYTES:
            raise SettingsError(_SHORT_KEY.format(log=self.path, key=path, count=len(key)))
        if not key or (has_key and head is not None and not is_sealed(key, head)):
            raise SettingsError(_WRONG_KEY.format(log=self.path, key=path))
        if head is None or not has_key:
            self._map[:] = _encode_head(seal(key, Head()))
            self._map.flush()
            os.fsync(self._fd)
        if not has_key:
            durable_files.create(path, key)
        return key

    def _mend(self, head: Head) -> Head:
        """Find the end of the chain where a crash or a rotation left the head behind the file."""
        size = self._handler.size()
        if size == head.size:
            return head
        if size < head.size:
            return replace(head, size=size)
        return self._catch_up(head)

    def _catch_up(self, head: Head) -> Head:
        """Move the head over the whole lines after it, and cut off a torn line."""
        with self.path.open("r+b") as file:
            file.seek(head.size)
            for line in file:
                if not line.endswith(b"\n"):
                    file.truncate(head.size)
                elif fault_of(self._key, head, line[:-1]) is None:
                    head = replace(step(head, line[:-1]), settled=False)
                else:
                    _own.error("audit_log_tampered", extra={"context": {"line": head.number + 1}})
                    return replace(head, size=file.seek(0, os.SEEK_END))
        return head


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
    on_lock: Callable[[], None] = lambda: None,
    on_line: Callable[[bytes], None] = lambda _line: None,
    from_start: bool = True,
) -> tuple[int, str | None]:
    """Verify a log in one or several files, the oldest first; return the line count and a fault.

    The head, and the key without `key_path`, lie beside the last file. `on_lock` is called once,
    while no writer is active: the log is verified as of that moment. `on_line` is called with each
    valid line. Without `from_start` the first line may have any number.

    :raises OSError: a file cannot be read.
    """
    key = (key_path or key_path_of(paths[-1])).read_bytes()
    with ExitStack() as opened:
        with _locked_head(head_path_of(paths[-1])) as head:
            files = [opened.enter_context(path.open("rb")) for path in paths]
            size = os.fstat(files[-1].fileno()).st_size
            on_lock()
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
        yield _decode_head(file.read())


def _lines_before(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the lines before an offset in bytes, without lines written meanwhile."""
    read = 0
    for line in file:
        if read >= size:
            return
        yield line
        read += len(line)


def _decode_head(text: bytes) -> Head | None:
    """Read a head; one that cannot be read has no valid seal."""
    try:
        return msgspec.json.decode(text, type=Head) if text.strip(b"\0") else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Head(number=-1)


def _encode_head(head: Head) -> bytes:
    return msgspec.json.encode(head).ljust(HEAD_BYTES - 1) + b"\n"


def _number(line: bytes) -> int:
    """Return the number of a line, 0 where the line is no line of an audit log."""
    number = _decode(line).get("number")
    return number if isinstance(number, int) else 0


def _decode(line: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}


def _offset_after(file: BinaryIO, after: int) -> int:
    """Find by bisection where the first line numbered above `after` begins."""
    low, high = 0, file.seek(0, os.SEEK_END)
    while low < high:
        middle = (low + high) // 2
        begin = _line_start(file, middle)
        line = file.readline()
        if not line.endswith(b"\n") or _number(line) > after:
            high = middle
        else:
            low = begin + len(line)
    return _line_start(file, low)


def _line_start(file: BinaryIO, offset: int) -> int:
    """Go to the first line that begins at or after an offset."""
    file.seek(max(offset - 1, 0))
    if offset:
        file.readline()
    return file.tell()
