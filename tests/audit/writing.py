"""Items for an audit log, without a store."""

from collections.abc import Iterable
from pathlib import Path

from accounts_bank.audit.chain import FirstLine, Head
from accounts_bank.audit.log import AuditLog
from accounts_bank.identity import Event
from accounts_bank.ledger.sealing import JournalHead, Unsealed, seal
from accounts_bank.stores.base import Sealed
from tests.helpers import START

FIRST = FirstLine(START, "bank-1", "log-1", in_memory=False)


def items_after(head: Head, kinds: Iterable[str]) -> list[Sealed]:
    """Seal an event of each kind after the head of a log."""
    events = [Event(f"id-{kind}", kind, START, None, None) for kind in kinds]
    waiting = [Unsealed(event.id, event.kind, event.digest) for event in events]
    rows = seal(JournalHead(head.number, head.hash), waiting)
    previous = [head.hash, *(row.hash for row in rows)]
    return [
        Sealed(row.number, before, row.hash, event)
        for row, before, event in zip(rows, previous, events, strict=False)
    ]


def write(log: AuditLog, *kinds: str) -> None:
    """Write an event of each kind into a log."""
    with log.writing() as (head, append):
        append(items_after(head, kinds))


def opened(path: str = "audit.log", key: str | None = None) -> AuditLog:
    """Open a log."""
    return AuditLog(Path(path), FIRST, Path(key) if key else None)
