"""The file of an audit log, as a handler of the logger `audit`."""

import logging
import os
from contextlib import suppress
from errno import ENOSPC
from fcntl import LOCK_NB, LOCK_SH, flock
from pathlib import Path

from accounts_bank.durable_files import open_kept

logger = logging.getLogger("audit")


class LogFile(logging.Handler):
    """Writes the lines of one log and raises errors, which other handlers only print."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._fd = self._open()
        self._inode = os.fstat(self._fd).st_ino
        self.addFilter(self._is_mine)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.addHandler(self)

    def follow(self) -> bool:
        """Open a new file where the old one was renamed; return whether it was."""
        try:
            inode = self.path.stat().st_ino
        except FileNotFoundError:
            inode = None
        if inode == self._inode:
            return False
        old, self._fd = self._fd, self._open()
        os.close(old)
        self._inode = os.fstat(self._fd).st_ino
        return True

    def size(self) -> int:
        """Return the size of the open file in bytes."""
        return os.fstat(self._fd).st_size

    def sync(self) -> None:
        """Flush the file to the disk."""
        os.fsync(self._fd)

    def cut(self, size: int) -> None:
        """Cut the file to a size in bytes."""
        os.ftruncate(self._fd, size)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the message as a line, and raise where that fails."""
        line = f"{record.getMessage()}\n".encode()
        if os.write(self._fd, line) != len(line):
            raise OSError(ENOSPC, "the line was cut short")

    def close(self) -> None:
        """Close the file; a second call does nothing, since its number may be another file's."""
        logger.removeHandler(self)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        super().close()

    def _open(self) -> int:
        """Open the file; a shared lock says that a process uses it."""
        fd = open_kept(self.path, os.O_WRONLY | os.O_APPEND, 0o644)
        with suppress(BlockingIOError):
            flock(fd, LOCK_SH | LOCK_NB)
        return fd

    def _is_mine(self, record: logging.LogRecord) -> bool:
        return getattr(record, "audit_log", None) is self
