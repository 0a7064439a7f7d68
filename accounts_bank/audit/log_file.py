"""The file of an audit log, as a handler of the logger `audit`."""

import logging
import os
from errno import ENOSPC
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

    def size(self) -> int:
        """Return the size of the file in bytes; open a new file where the old one was renamed."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            found = None
        if found is None or found.st_ino != self._inode:
            old, self._fd = self._fd, self._open()
            os.close(old)
            found = os.fstat(self._fd)
            self._inode = found.st_ino
        return found.st_size

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
        logger.removeHandler(self)
        os.close(self._fd)
        super().close()

    def _open(self) -> int:
        return open_kept(self.path, os.O_WRONLY | os.O_APPEND, 0o644)

    def _is_mine(self, record: logging.LogRecord) -> bool:
        return getattr(record, "audit_log", None) is self
