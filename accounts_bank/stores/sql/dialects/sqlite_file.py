"""The file of a SQLite database: whether it is whole, before a bank writes to it.

Beside `bank.db` lies the mark `bank.db-use`. Each process that has the database open shares the
lock of the mark (flock). The last one to end writes the size, the time and the inode of the file
into it.

    first process    the file is as the mark says it was left     a look at header and length
                     killed, power cut, restored, altered         `PRAGMA quick_check`
                     killed                                       is its log still there?
                     the mark says that it is damaged             `PRAGMA integrity_check`
    other processes  the first one has checked it

While the file is in use, the mark also holds the clock of the first process.

No process may open the file by other means while SQLite has it open: closing it would drop the
locks of SQLite. Source: https://sqlite.org/howtocorrupt.html, section 2.2.
"""

import os
from contextlib import suppress
from datetime import datetime
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path

from accounts_bank.durable_files import open_kept
from accounts_bank.errors import Damaged
from accounts_bank.stores.sql.dialects import machine_clock
from accounts_bank.stores.sql.dialects.sqlite_log import fault_of_log

_IN_USE, _DAMAGED = b"in use ", b"damaged"
_REPLACED = "it was removed or replaced while the bank had it open"
_MARK_MAX_BYTES = 1024
_HEADER_BYTES = 100


class SqliteFile:
    """One database file, from the start of a process to its end."""

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is opened yet."""
        self._path = path.absolute()
        self._mark = -1
        self._is_first = False
        self._inode = 0
        self.check = ""

    def enter(self) -> None:
        """Take the mark, wait for another process that checks, and look at the file.

        `check` then names the pragma that must find no fault before the first write, if any.

        :raises Damaged: the file is shorter than it must be, or its log belongs to another file.
        """
        with suppress(OSError):  # no such folder, or one without the right: SQLite will say so
            self._mark = open_kept(self._path.with_name(f"{self._path.name}-use"), os.O_RDWR, 0o644)
        if self._mark < 0:
            return
        self._is_first = self._is_locked_alone()
        if self._is_first:
            self._look()
        else:
            flock(self._mark, LOCK_SH)

    def begin(self) -> None:
        """Say that the file is in use, and let other processes in."""
        if self._is_first:
            self._write(_IN_USE + machine_clock.kept())
            flock(self._mark, LOCK_SH)
        self._inode = self._path.stat().st_ino
        self._is_first, self.check = False, ""

    def leave(self) -> None:
        """Say how the file was left, if no process has it open any more and it has no fault."""
        if self._mark < 0:
            return
        is_whole = self._inode and self._is_in_place() and self._read().startswith(_IN_USE)
        if is_whole and self._is_locked_alone() and not self._size("-wal"):
            self._write(self._now())
        os.close(self._mark)
        self._mark = -1

    def fault(self) -> str:
        """Return the fault that a process found since the start, "" for none."""
        if not self._inode:
            return ""
        mark = self._read()
        if mark.startswith(_DAMAGED):
            return mark.removeprefix(_DAMAGED).decode()
        return "" if self._is_in_place() else self.damaged(_REPLACED).detail

    def clock(self) -> datetime | None:
        """Return the time by the clock of the first process, None where it is not known."""
        mark = self._read()
        is_kept = mark.startswith(_IN_USE)
        return machine_clock.time_of(mark.removeprefix(_IN_USE)) if is_kept else None

    def keep(self, fault: str) -> None:
        """Tell the other processes, and the next start, of a fault."""
        if self._mark >= 0:
            self._write(_DAMAGED + fault.encode()[: _MARK_MAX_BYTES - len(_DAMAGED)])

    def damaged(self, fault: str) -> Damaged:
        """Return the error that names the file and its fault."""
        return Damaged(f"The file is damaged: restore a backup. {self._path.name}: {fault}.")

    def _look(self) -> None:
        mark = self._read()
        size, log_size = self._size(), self._size("-wal")
        if not size:
            if mark and self._path.exists():
                raise self.damaged("it has 0 bytes, and it held a bank")
            return
        was_left_so = mark == self._now()
        if was_left_so and log_size:
            raise self.damaged(
                f"{self._path.name}-wal does not belong to it, since the bank ended in order and "
                "left no such file"
            )
        if mark.startswith(_IN_USE):
            self._check_log(mark)
        if not log_size:  # else pages of the end may still be in the log
            self._check_length(size)
        if not was_left_so:
            self.check = "integrity_check" if mark.startswith(_DAMAGED) else "quick_check"

    def _check_log(self, mark: bytes) -> None:
        """Check that the log which a kill left is still there."""
        is_same_boot = machine_clock.time_of(mark.removeprefix(_IN_USE)) is not None
        if fault := fault_of_log(self._path, is_same_boot=is_same_boot):
            name = self._path.name
            raise self.damaged(
                f"{fault}. Put it back; or delete {name}-wal and {name}-shm when a backup of "
                f"{name} is in place"
            )

    def _check_length(self, size: int) -> None:
        """Compare the length with the header's count of pages.

        Source: https://sqlite.org/fileformat.html, section 1.3.
        """
        with self._path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
        page_bytes = int.from_bytes(header[16:18])
        page_bytes = 65536 if page_bytes == 1 else page_bytes
        pages = int.from_bytes(header[28:32])
        if header[24:28] == header[92:96] and size < pages * page_bytes:
            raise self.damaged(f"it has {size} bytes, and its header counts {pages * page_bytes}")

    def _size(self, suffix: str = "") -> int:
        try:
            return self._path.with_name(self._path.name + suffix).stat().st_size
        except FileNotFoundError:
            return 0

    def _now(self) -> bytes:
        found = self._path.stat()
        return f"left {found.st_size} {found.st_mtime_ns} {found.st_ino}".encode()

    def _read(self) -> bytes:
        return os.pread(self._mark, _MARK_MAX_BYTES, 0) if self._mark >= 0 else b""

    def _is_in_place(self) -> bool:
        try:
            return self._path.stat().st_ino == self._inode
        except OSError:
            return False

    def _write(self, text: bytes) -> None:
        os.ftruncate(self._mark, 0)
        os.pwrite(self._mark, text, 0)
        os.fsync(self._mark)

    def _is_locked_alone(self) -> bool:
        try:
            flock(self._mark, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            return False
        return True
