"""The numbers of a bank in memory; the outbox is bounded, as it has no disk."""

import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from math import inf
from time import monotonic, sleep
from uuid import uuid4

from accounts_bank.errors import Unavailable
from accounts_bank.identity import Event
from accounts_bank.ledger.entries import Recorded
from accounts_bank.ledger.sealing import JournalHead, Numbered, Unsealed, head_after, seal
from accounts_bank.stores.base import Journal
from accounts_bank.stores.memory.feed import InMemoryFeed
from accounts_bank.stores.memory_image import Image, Imaged

WAITING_MAX = 100_000
"""The most items that wait for their numbers; the store takes no more."""
MANY_WAITING_MAX = WAITING_MAX // 2
"""From this number on a large append waits too; the rest is for single payments."""
ROOM_TIMEOUT_S, ROOM_LOOK_S = 5.0, 0.01

logger = logging.getLogger(__name__)


class InMemoryJournal(Imaged, InMemoryFeed, Journal):
    """The numbers in memory, and the outbox of both stores."""

    def __init__(self) -> None:
        super().__init__()
        self._bank_id = str(uuid4())
        self._waiting: deque[Recorded | Event] = deque()
        self._is_stuck = False
        self._head = JournalHead()
        self._items: list[Recorded | Event] = []
        self._restored: dict[str, Recorded | Event] = {}
        self._cursors: dict[str, int] = {}
        self._warned_from: float = inf

    def warn_from(self, items: int) -> None:
        """Log a warning when the journal has this many items, and again at each doubling.

        A bank in memory keeps every item until its process ends.
        """
        self._warned_from = items

    def image(self) -> Image:
        with self._lock:
            return super().image()

    def restore_image(self, image: Image) -> None:
        with self._lock:
            super().restore_image(image)

    @property
    def bank_id(self) -> str:
        return self._bank_id

    def head(self) -> JournalHead:
        return self._head

    def seal(self, limit: int) -> int:
        with self._lock:
            items = list(islice(self._waiting, limit))
            rows = seal(self._head, map(_unsealed, items))
            self._rows.extend(rows)
            self._items.extend(items)
            for _ in items:
                self._waiting.popleft()
            self._head = head_after(self._head, rows)
        if self._head.number >= self._warned_from:
            self._warned_from *= 2
            logger.warning("memory_grows", extra={"context": {"entries": self._head.number}})
        return len(rows)

    def backlog(self, limit: int) -> tuple[int, datetime | None]:
        with self._lock:
            items = list(islice(self._waiting, limit))
        return len(items), min((item.at for item in items), default=None)

    def numbered(self, first: int, limit: int) -> list[Numbered]:
        with self._lock:
            return self._rows[max(first - 1, 0) : max(first - 1, 0) + limit]

    def items(self, rows: Sequence[Numbered]) -> dict[str, Recorded | Event]:
        return {row.id: self._items[row.number - 1] for row in rows}

    def cursor(self, reader: str) -> int:
        return self._cursors.get(reader, 0)

    def advance(self, reader: str, number: int) -> None:
        with self._lock:
            self._cursors[reader] = max(number, self._cursors.get(reader, 0))

    def cursors(self) -> dict[str, int]:
        return dict(self._cursors)

    def restore(self, rows: Sequence[Numbered]) -> None:
        with self._lock:
            self._rows.extend(rows)
            self._items.extend(self._restored.pop(row.id) for row in rows)

    def restore_head(self, bank_id: str, head: JournalHead, cursors: Mapping[str, int]) -> None:
        with self._lock:
            self._bank_id, self._head = bank_id, head
            self._cursors.update(cursors)

    def add(self, items: Iterable[Recorded | Event]) -> None:
        """Add newly saved items to the outbox."""
        self._waiting.extend(items)

    def add_sealed(self, items: Iterable[Recorded | Event]) -> None:
        """Keep restored items until their rows come."""
        self._restored.update((_unsealed(item).id, item) for item in items)

    def unsealed_entries(self) -> tuple[list[str], JournalHead]:
        """Return the ids of the entries in the outbox, in order, and the head of that moment."""
        with self._lock:
            found = [each.entry.id for each in self._waiting if isinstance(each, Recorded)]
            return sorted(found), self._head

    def check_room(self) -> None:
        """Check that the outbox takes more.

        :raises Unavailable: too many items wait for their numbers.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise Unavailable("The audit log cannot be written; nothing more is taken on.")

    def await_room(self) -> None:
        """Let the sealer catch up: a large append would leave no room to single payments.

        :raises Unavailable: too many items wait for their numbers.
        """
        until_s = monotonic() + ROOM_TIMEOUT_S
        while len(self._waiting) > MANY_WAITING_MAX:
            if self._is_stuck or monotonic() > until_s:
                self._is_stuck = True  # no other call waits: it would only keep a thread
                raise Unavailable("The audit log is too far behind to take on so much.")
            sleep(ROOM_LOOK_S)
        self._is_stuck = False


def _unsealed(item: Recorded | Event) -> Unsealed:
    if isinstance(item, Event):
        return Unsealed(item.id, item.kind, item.digest)
    return Unsealed(item.entry.id, item.entry.kind, item.digest)
