"""The audit log of a bank in memory: the same chain as in a file, without a file."""

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from threading import Lock

from accounts_bank.audit.chain import Head, chain, seal, verify
from accounts_bank.audit.records import Record
from accounts_bank.stores.memory_image import Imaged

KEY_BYTES = 32


class MemoryLog(Imaged):
    """An audit log of one process. Its image is a part of a snapshot."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(KEY_BYTES)
        self.lock = Lock()
        """Held while a record is written, and while an image is taken."""
        self._lines: list[bytes] = []
        self._head = Head()

    @contextmanager
    def writing(self) -> Iterator[tuple[Callable[[Iterable[Record]], None], bool]]:
        """Lock out other writers; yield a function that appends, and True: all is settled."""
        with self.lock:
            yield self._append, True

    def read(self, after: int, limit: int) -> list[bytes]:
        """Return at most `limit` lines numbered above `after`, oldest first."""
        return list(islice(self._lines, after, after + limit))

    def last_number(self) -> int:
        """Return the number of the newest line, 0 for an empty log."""
        return self._head.number

    def verify(
        self,
        _key_path: object = None,
        *,
        on_lock: Callable[[], None],
        on_line: Callable[[bytes], None],
    ) -> tuple[int, str | None]:
        """Verify the chain, as `verify_files` does."""
        with self.lock:
            on_lock()
            lines, head = list(self._lines), self._head
        return verify(
            self._key, (line + b"\n" for line in lines), seal(self._key, head), on_line=on_line
        )

    def close(self) -> None:
        """Do nothing: there is no file."""

    def _append(self, records: Iterable[Record]) -> None:
        for record in records:
            line, self._head = chain(self._key, self._head, record)
            self._lines.append(line)
