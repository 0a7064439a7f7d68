"""The audit log: the numbered items of the journal as sealed lines, in a file of this host.

    journal --> AuditLog.writing() takes the lock (flock on audit.log.head)
                   |
                   +--> append: audit.log       {"number":7, ..., "hash":H7, "seal":S7}
                   +--> append: audit.log.head  number 7, H7, size
                   |
                releases the lock

Invariants:

1. One writer at a time, over all threads and processes: the lock on the head file.
2. Numbers and hashes come from the store, so each host writes the same ones. The key seals lines
   and head.
3. The log is written before the head. After a crash the head is behind, never ahead, and the next
   writer moves it on over each whole line with a valid seal and cuts off a torn one.
4. The head tells which line comes next, so no item is written twice.
5. A batch that fails is cut off again, so none of its lines remains.
6. A log that was renamed (rotated) continues in a new file, with the same chain.
7. A head that is missing, altered or older than before is a fault, and so is a file that is shorter
   than its head says.

The key lies beside the log as `audit.log.key`. Set AUDIT_KEY_FILE to keep it away from processes
that can write the log but must not be able to forge it.
"""

import logging
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from errno import EBADMSG
from fcntl import LOCK_EX, LOCK_UN, flock
from mmap import mmap
from pathlib import Path
from threading import Lock

import msgspec
from msgspec.structs import replace

from accounts_bank import durable_files
from accounts_bank.audit.chain import (
    FirstLine,
    Head,
    fault_of,
    first_line,
    is_sealed,
    seal,
    step,
    trail_line,
    with_seal,
)
from accounts_bank.audit.files import decode_head, head_path_of, key_path_of
from accounts_bank.audit.log_file import LogFile, logger
from accounts_bank.errors import SettingsError
from accounts_bank.stores.base import Sealed

HEAD_BYTES = 512
KEY_BYTES = 32
LINE_END_BYTES = len('"hash":"","seal":""}') + 2 * 64 + 1

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
    "The head {head} of the audit log {log} is missing or empty, while {beside} is there: a power "
    "cut or a full disk emptied it, or it was removed. Restore it from a backup; an older head "
    "will do, it follows the log. Without a head nothing tells whether the end of the log was cut."
)

_own = logging.getLogger(__name__)


class AuditLog:
    """An audit log, shared by all threads and processes that write to it."""

    def __init__(
        self, path: Path, first: FirstLine, key_path: Path | None = None, *, sync: bool = False
    ) -> None:
        """Open the log; create it and its key where they are missing.

        With `sync` each batch is on the disk (fsync) before it counts as written.

        :param first: the first line of a log that begins here.
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
            self._known = b"", Head()
            with self._locked():
                self._key = self._open_key(key_path or key_path_of(path), first)
                self._handler = LogFile(path)
                self._begin(first)
        except OSError as error:
            why = error.strerror or error
            message = f"The audit log {path} cannot be opened ({why}): set AUDIT_LOG."
            raise SettingsError(message) from error

    def append(self, items: Iterable[Sealed]) -> None:
        """Write sealed items, which follow the last line.

        :raises OSError: the head was altered, or a write failed; then no item is written.
        """
        with self.writing() as (_, append):
            append(items)

    @contextmanager
    def writing(self) -> Iterator[tuple[Head, Callable[[Iterable[Sealed]], None]]]:
        """Lock out other writers; yield the head, and a function that appends.

        :raises OSError: the head was altered, or a write failed; then no item is written.
        """
        with self._locked():
            head = self._head()
            mended = self._mend(head)
            if mended != head:
                self._write_head(mended)
            yield mended, self._append

    @property
    def last_number(self) -> int:
        """The last number that this process found in the log, or wrote."""
        return self._known[1].number

    @contextmanager
    def checked(self) -> Iterator[Head]:
        """Lock out writers; yield the head.

        :raises OSError: it is missing, altered, or older than before; or the file was cut.
        """
        with self._locked():
            yield self._mend(self._head())

    def check(self) -> Head:
        """Return the head; it raises as `checked` does."""
        with self.checked() as head:
            return head

    def adopt(self, first: FirstLine) -> None:
        """Give a head of version 0.1 the names of its bank and of its log."""
        with self._locked():
            head = replace(self._head(), bank_id=first.bank_id, log_id=first.log_id, settled=True)
            self._write_head(head)

    def _append(self, items: Iterable[Sealed]) -> None:
        head, lines = self._head(), []
        for item in items:
            line = with_seal(self._key, trail_line(item))
            lines.append(line)
            size = head.size + len(line) + 1
            head = replace(head, number=item.number, hash=item.hash, size=size)
        self._emit(lines, self._head().size)
        self._write_head(head)

    def _begin(self, first: FirstLine) -> None:
        """Write the first line of a new log; find the end of one that exists."""
        head = self._head()
        if head.number or head.size:
            self._write_head(self._find_end(head))
            return
        self._handler.cut(0)  # a first line that was torn
        self._emit([first_line(self._key, first)], 0)
        self._write_head(replace(_new_head(first), size=self._handler.size()))

    def _emit(self, lines: list[bytes], begin: int) -> None:
        try:
            logger.info(b"\n".join(lines).decode(), extra={"audit_log": self._handler})
            if self._sync:
                self._handler.sync()
        except OSError:
            self._handler.cut(begin)
            raise

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        self._handler.close()
        self._map.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

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
            head = decode_head(text)
            if head is None or not is_sealed(self._key, head):
                raise OSError(EBADMSG, "the head of the audit log was altered or emptied")
            if head.number < self._known[1].number:
                raise OSError(EBADMSG, "the head of the audit log was put back to an earlier one")
            self._known = text, head
        return self._known[1]

    def _write_head(self, head: Head) -> None:
        sealed = seal(self._key, head)
        text = _encode_head(sealed)
        self._map[:] = text
        self._known = text, sealed

    def _open_key(self, path: Path, first: FirstLine) -> bytes:
        """Read the key. Where nothing was sealed yet, begin the head and make a missing key.

        The head is on the disk before the key, and the key before the first line. So a power cut
        leaves no key without a head, and no line without a key.
        """
        head = decode_head(self._map[:])
        is_new = head is None or head.number == 0
        beside = [each for each in (self.path, key_path_of(self.path)) if _has_content(each)]
        if head is None and beside:
            raise SettingsError(
                _EMPTY_HEAD.format(log=self.path, head=head_path_of(self.path), beside=beside[0])
            )
        has_key = path.exists()
        key = path.read_bytes() if has_key else secrets.token_bytes(KEY_BYTES) if is_new else b""
        if has_key and len(key) < KEY_BYTES:
            raise SettingsError(_SHORT_KEY.format(log=self.path, key=path, count=len(key)))
        if not key or (has_key and head is not None and not is_sealed(key, head)):
            raise SettingsError(_WRONG_KEY.format(log=self.path, key=path))
        if head is None or not has_key:
            self._map[:] = _encode_head(seal(key, _new_head(first)))
            self._map.flush()
            os.fsync(self._fd)
        if not has_key:
            durable_files.create(path, key)
        return key

    def _mend(self, head: Head) -> Head:
        """Find the end of the chain where a crash or a rotation left the head behind the file.

        :raises OSError: the head file was removed, or the file of the log was cut.
        """
        _check_same(self._fd, head_path_of(self.path))
        if self._handler.follow():
            return self._find_end(head)
        if self._handler.size() < head.size:
            raise OSError(EBADMSG, "the end of the audit log was cut off")
        return head if self._handler.size() == head.size else self._catch_up(head)

    def _find_end(self, head: Head) -> Head:
        """Find the end of the chain in a file that this process just opened.

        :raises OSError: the file does not continue the chain.
        """
        if not self._has_end(head):  # the head speaks of a file that was rotated
            head = replace(head, size=0)
        found = head if self._handler.size() == head.size else self._catch_up(head)
        if found.size and not self._has_end(found):
            raise OSError(EBADMSG, "the end of the audit log was cut off or altered")
        return found

    def _has_end(self, head: Head) -> bool:
        """Tell whether the line that ends where the head says has the head's hash."""
        with self.path.open("rb") as file:
            file.seek(max(0, head.size - LINE_END_BYTES))
            end = file.read(min(head.size, LINE_END_BYTES))
            is_there = file.tell() == head.size
        return is_there and end.endswith(b"\n") and f'"hash":"{head.hash}"'.encode() in end

    def _catch_up(self, head: Head) -> Head:
        """Move the head over the whole lines after it, and cut off a torn line."""
        with self.path.open("r+b") as file:
            file.seek(head.size)
            for line in file:
                if not line.endswith(b"\n"):
                    file.truncate(head.size)
                elif fault_of(self._key, head, line[:-1]) is None:
                    head = step(head, line[:-1])
                else:
                    _own.error("audit_log_tampered", extra={"context": {"line": head.number + 1}})
                    return replace(head, size=file.seek(0, os.SEEK_END))
        return head


def _new_head(first: FirstLine) -> Head:
    return Head(bank_id=first.bank_id, log_id=first.log_id, in_memory=first.in_memory)


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _encode_head(head: Head) -> bytes:
    return msgspec.json.encode(head).ljust(HEAD_BYTES - 1) + b"\n"


def _check_same(fd: int, path: Path) -> None:
    """Check that the head file is the one that this process opened.

    :raises OSError: it was removed or replaced.
    """
    if path.stat().st_ino != os.fstat(fd).st_ino:
        raise OSError(EBADMSG, "the head of the audit log was replaced")
