"""Numbers for the journal of a database of version 1, once: they come from its audit log."""

from collections.abc import Iterator, Sequence
from itertools import islice
from uuid import uuid4

from msgspec.structs import asdict
from sqlalchemy import Connection, Select, delete, exists, select

from accounts_bank.errors import SettingsError
from accounts_bank.identity import Event
from accounts_bank.ledger.entries import KINDS
from accounts_bank.ledger.sealing import JournalHead, Numbered, Unsealed, head_after, seal
from accounts_bank.stores.backend import Inherited
from accounts_bank.stores.databases.schema_version import check_inherited
from accounts_bank.stores.sql.tables import BANK, ENTRIES, EVENTS, JOURNAL, UNSEALED

AT_ONCE = 500


def make_bank(connection: Connection) -> None:
    """Give a new database the id of its bank."""
    connection.execute(BANK.insert(), {"id": str(uuid4())} | asdict(JournalHead()))


def inherit(connection: Connection, inherited: Inherited) -> None:
    """Give numbers to the entries by the lines of the audit log.

    Without any line all entries are numbered by their times.

    :raises SettingsError: the log and the store disagree.
    """
    head, lines = JournalHead(), iter(inherited)
    while batch := list(islice(lines, AT_ONCE)):
        check_inherited(head, batch, _digests(connection, [row.id for row, *_ in batch]))
        _save(connection, [row for row, *_ in batch], [event for *_, event in batch if event])
        last = batch[-1][0]
        head = JournalHead(last.number, last.hash, last.number)
    if not head.number:
        head = _number_by_time(connection)
    unknown = connection.scalar(_left_over().limit(1))
    if unknown is not None:
        raise SettingsError(
            f"The audit log and the store disagree: entry {unknown} is not in the log. Put all "
            "rotated parts of the log beside it."
        )
    connection.execute(BANK.update(), asdict(head))


def _digests(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    query = select(ENTRIES.c.id, ENTRIES.c.digest).where(ENTRIES.c.id.in_(ids))
    return {row.id: row.digest for row in connection.execute(query)}


def _save(connection: Connection, rows: Sequence[Numbered], events: Sequence[Event]) -> None:
    """Save rows and events; an event in the outbox is saved already."""
    ids = [row.id for row in rows]
    connection.execute(JOURNAL.insert(), [asdict(row) for row in rows])
    saved = set(connection.scalars(select(EVENTS.c.id).where(EVENTS.c.id.in_(ids))))
    new = [asdict(event) for event in events if event.id not in saved]
    if new:
        connection.execute(EVENTS.insert(), new)
    connection.execute(delete(UNSEALED).where(UNSEALED.c.id.in_(ids)))


def _left_over() -> Select[str]:
    """Return the query for entries that have no number and do not wait for one."""
    numbered = exists().where(JOURNAL.c.id == ENTRIES.c.id)
    waits = exists().where(UNSEALED.c.id == ENTRIES.c.id)
    return select(ENTRIES.c.id).where(~numbered, ~waits)


def _number_by_time(connection: Connection) -> JournalHead:
    head = JournalHead()
    items = _in_order_of_time(connection)
    while batch := list(islice(items, AT_ONCE)):
        rows = seal(head, batch)
        connection.execute(JOURNAL.insert(), [asdict(row) for row in rows])
        head = head_after(head, rows)
    return head


def _in_order_of_time(connection: Connection) -> Iterator[Unsealed]:
    by_time = _left_over().order_by(ENTRIES.c.recorded_at, ENTRIES.c.id)
    query = by_time.with_only_columns(ENTRIES.c.id, ENTRIES.c.action, ENTRIES.c.digest)
    for row in connection.execute(query).all():
        yield Unsealed(row.id, KINDS[type(row.action)], row.digest)
