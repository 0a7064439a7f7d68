"""The numbers of the journal in an SQL database."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import asdict, astuple
from sqlalchemy import Connection, bindparam, delete, select, text

from accounts_bank.identity import Event
from accounts_bank.ledger.entries import Recorded
from accounts_bank.ledger.sealing import JournalHead, Numbered, Unsealed, head_after, seal
from accounts_bank.stores.base import Journal
from accounts_bank.stores.databases.recent_entries import is_entry, items_of
from accounts_bank.stores.sql.accounts import SqlAccountStore
from accounts_bank.stores.sql.database import Database
from accounts_bank.stores.sql.feed import SqlFeed
from accounts_bank.stores.sql.retry import Tries
from accounts_bank.stores.sql.tables import (
    BANK,
    CURSORS,
    ENTRIES,
    EVENTS,
    HEAD,
    JOURNAL,
    UNSEALED,
    Count,
)
from accounts_bank.stores.sql.users import SqlUserStore
from accounts_bank.stores.sql.writes import Write

_ROW = [JOURNAL.c[name] for name in Numbered.__struct_fields__]
_LOCKED_BANK = select(BANK).with_for_update()
_MOVE = text(
    """
    INSERT INTO cursors (reader, number) VALUES (:reader, :number)
    ON CONFLICT (reader) DO UPDATE SET number = excluded.number
    WHERE cursors.number < excluded.number
    """
)


class SqlJournal(SqlFeed, Journal):
    """The numbers in SQLite or PostgreSQL, for several processes."""

    def __init__(self, database: Database, users: SqlUserStore, accounts: SqlAccountStore) -> None:
        super().__init__(database)
        self._users, self._accounts = users, accounts
        among, first = database.dialect.among, bindparam("first", type_=Count)
        waiting = select(UNSEALED.c.id, UNSEALED.c.kind).order_by(UNSEALED.c.place)
        self._waiting = waiting.limit(bindparam("limit"))
        self._digests = select(ENTRIES.c.id, ENTRIES.c.digest).where(among(ENTRIES.c.id, "ids"))
        self._sealed = delete(UNSEALED).where(among(UNSEALED.c.id, "ids"))
        rows = select(*_ROW).where(JOURNAL.c.number >= first).order_by(JOURNAL.c.number)
        self._rows = rows.limit(bindparam("limit"))

    @property
    def bank_id(self) -> str:
        return str(self._database.rows(select(BANK.c.id))[0].id)

    def head(self) -> JournalHead:
        return JournalHead(*self._database.rows(select(*HEAD))[0])

    def seal(self, limit: int) -> int:
        def write(connection: Connection, _tries: Tries) -> int:
            bank_id, *kept = connection.execute(_LOCKED_BANK).one()
            head = JournalHead(*kept)
            rows = seal(head, self._unsealed(connection, limit))
            if rows:
                self._save(connection, bank_id, head_after(head, rows), rows)
            return len(rows)

        waits = self._database.found(self._waiting, limit=1)
        return self._database.write(write) if waits else 0

    def backlog(self, limit: int) -> tuple[int, datetime | None]:
        waiting = self._database.found(self._waiting, limit=limit)
        if not waiting:
            return 0, None
        item_id, kind = waiting[0]
        times = select(ENTRIES.c.recorded_at if is_entry(kind) else EVENTS.c.at)
        table = ENTRIES if is_entry(kind) else EVENTS
        return len(waiting), self._database.rows(times.where(table.c.id == item_id))[0][0]

    def numbered(self, first: int, limit: int) -> list[Numbered]:
        return [
            Numbered(*row) for row in self._database.found(self._rows, first=first, limit=limit)
        ]

    def items(self, rows: Sequence[Numbered]) -> dict[str, Recorded | Event]:
        return items_of(rows, self._users, self._accounts, self._accounts.recent)

    def cursor(self, reader: str) -> int:
        return self.cursors().get(reader, 0)

    def cursors(self) -> dict[str, int]:
        return {row.reader: row.number for row in self._database.rows(select(CURSORS))}

    def advance(self, reader: str, number: int) -> None:
        move = _MOVE.bindparams(reader=reader, number=number)
        self._database.write(lambda connection, _tries: connection.execute(move))

    def restore(self, rows: Sequence[Numbered]) -> None:
        self._database.write(lambda c, _tries: self._database.save(c, [_numbers(rows)]))

    def restore_head(self, bank_id: str, head: JournalHead, cursors: Mapping[str, int]) -> None:
        def write(connection: Connection, _tries: Tries) -> None:
            connection.execute(BANK.update(), {"id": bank_id} | asdict(head))
            places = Write(CURSORS, ("reader", "number"), list(cursors.items()))
            self._database.save(connection, [places])

        self._database.write(write)

    def _unsealed(self, connection: Connection, limit: int) -> list[Unsealed]:
        """Return the oldest items of the outbox.

        An entry that touches an account waits for the lock of the one before it. Its place is
        therefore higher, and the earlier entry is visible to each reader of the later one.
        """
        waiting = self._database.fetch(connection, self._waiting, limit=limit)
        entry_ids = [item_id for item_id, kind in waiting if is_entry(kind)]
        recent = self._accounts.recent.among(entry_ids)
        digests = {each: recorded.digest for each, recorded in recent.items()}
        absent = [each for each in entry_ids if each not in digests]
        if absent:
            read = self._database.fetch(connection, self._digests, ids=absent)
            digests.update((row[0], row[1]) for row in read)
        event_ids = [item_id for item_id, kind in waiting if not is_entry(kind)]
        events = self._users.events_in(connection, event_ids)
        digests |= {each: event.digest for each, event in events.items()}
        return [Unsealed(item_id, kind, digests[item_id]) for item_id, kind in waiting]

    def _save(
        self, connection: Connection, bank_id: str, head: JournalHead, rows: Sequence[Numbered]
    ) -> None:
        names = (*JournalHead.__struct_fields__, "id")
        new_head = Write(BANK, names, [(*astuple(head), bank_id)], key="id")
        self._database.save(connection, [_numbers(rows), new_head])
        connection.execute(self._sealed, {"ids": [row.id for row in rows]})


def _numbers(rows: Sequence[Numbered]) -> Write:
    return Write(JOURNAL, Numbered.__struct_fields__, [astuple(row) for row in rows])
