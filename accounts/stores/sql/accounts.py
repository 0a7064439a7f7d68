"""The books in an SQL database."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, delete, or_, select, update

from accounts.ledger.decide import Decide
from accounts.ledger.entries import (
    Changes,
    Entry,
    Needs,
    Outcome,
    Recorded,
    Snapshot,
    Transfer,
    needs,
)
from accounts.ledger.values import Account, AccountStatus, Customer, Line, Period, Status
from accounts.stores.base import AccountStore
from accounts.stores.sql.database import Database, Row
from accounts.stores.sql.tables import (
    ACCOUNTS,
    CUSTOMERS,
    ENTRIES,
    LINES,
    TRANSFERS,
    UNSEALED_ENTRIES,
)

_LINE = [LINES.c[name] for name in Line.__struct_fields__]


class SqlAccountStore(AccountStore):
    """The books in SQLite or PostgreSQL, for several processes."""

    def __init__(self, database: Database, decide: Decide) -> None:
        self._database = database
        self._decide = decide

    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        def write(connection: Connection, unsure: bool) -> list[Outcome]:  # noqa: FBT001
            snapshot = self._load(connection, needs(entries), lock=True)
            changes = self._decide(snapshot, entries)
            self._save(connection, snapshot, changes)
            return _own(changes.outcomes, entries) if unsure else changes.outcomes

        return self._database.write(write) if entries else []

    def load(self, needs: Needs) -> Snapshot:
        return self._database.read(lambda connection: self._load(connection, needs))

    def accounts_of(self, owner_id: str, *, after: str | None, limit: int) -> list[Account]:
        query = select(ACCOUNTS).where(ACCOUNTS.c.owner_id == owner_id)
        if after is not None:
            query = query.where(ACCOUNTS.c.id > after)
        query = query.order_by(ACCOUNTS.c.id).limit(limit)
        return self._database.read(lambda c: [_account(row) for row in c.execute(query)])

    def lines(
        self, account_id: str, *, before: int | None, period: Period, limit: int
    ) -> list[Line]:
        query = select(*_LINE).where(LINES.c.account_id == account_id)
        if before is not None:
            query = query.where(LINES.c.number < min(before, 2**63 - 1))
        if period.since is not None:
            query = query.where(LINES.c.at >= period.since)
        if period.until is not None:
            query = query.where(LINES.c.at < period.until)
        query = query.order_by(LINES.c.number.desc()).limit(limit)
        return self._database.read(lambda c: [Line(*row) for row in c.execute(query)])

    def transfers_of(
        self, owner_id: str, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[Recorded]:
        columns = TRANSFERS.c
        query = select(columns.entry_id).where(columns.owner_id == owner_id)
        if before is not None:
            at, entry_id = before
            earlier = and_(columns.at == at, columns.entry_id < entry_id)
            query = query.where(or_(columns.at < at, earlier))
        query = query.order_by(columns.at.desc(), columns.entry_id.desc()).limit(limit)

        def read(connection: Connection) -> list[Recorded]:
            ids = list(connection.execute(query).scalars())
            found = self._entries(connection, ids)
            return [found[each] for each in ids]

        return self._database.read(read)

    def unsealed(self, limit: int) -> Sequence[Recorded]:
        waiting = UNSEALED_ENTRIES.c
        query = select(waiting.entry_id).order_by(waiting.place).limit(limit)

        def read(connection: Connection) -> list[Recorded]:
            ids = list(connection.execute(query).scalars())
            found = self._entries(connection, ids)
            return [found[each] for each in ids]

        return self._database.read(read)

    def mark_sealed(self, items: Sequence[Recorded]) -> None:
        ids = [recorded.entry.id for recorded in items]
        query = delete(UNSEALED_ENTRIES).where(
            self._database.among(UNSEALED_ENTRIES.c.entry_id, ids)
        )
        self._database.write(lambda connection, _unsure: connection.execute(query))

    def _load(self, connection: Connection, needs: Needs, *, lock: bool = False) -> Snapshot:
        """Load what is needed; the accounts first and in the order of their ids, if to be locked.

        The entries come last: a retry that waited for the first try to commit then finds it.
        """
        return Snapshot(
            accounts=self._accounts(connection, needs.accounts, lock=lock),
            customers=self._customers(connection, needs.customers, lock=lock),
            entries=self._entries(connection, needs.entries),
        )

    def _accounts(
        self, connection: Connection, names: frozenset[str], *, lock: bool
    ) -> dict[str, Account]:
        if not names:
            return {}
        among = self._database.among
        query = select(ACCOUNTS).where(
            or_(among(ACCOUNTS.c.id, names), among(ACCOUNTS.c.number, names))
        )
        rows = connection.execute(self._locked(query.order_by(ACCOUNTS.c.id), lock=lock))
        found = [_account(row) for row in rows]
        by_name = {account.id: account for account in found}
        by_name |= {account.number: account for account in found}
        return {name: by_name[name] for name in names if name in by_name}

    def _customers(
        self, connection: Connection, ids: frozenset[str], *, lock: bool
    ) -> dict[str, Customer]:
        if not ids:
            return {}
        query = select(CUSTOMERS).where(self._database.among(CUSTOMERS.c.id, ids))
        rows = connection.execute(self._locked(query.order_by(CUSTOMERS.c.id), lock=lock))
        return {row.id: Customer(row.id, row.open_accounts, bool(row.left)) for row in rows}

    def _entries(self, connection: Connection, ids: Iterable[str]) -> dict[str, Recorded]:
        wanted = list(ids)
        if not wanted:
            return {}
        among = self._database.among
        rows = connection.execute(select(ENTRIES).where(among(ENTRIES.c.id, wanted))).all()
        if not rows:
            return {}
        query = select(*_LINE).where(among(LINES.c.entry_id, [row.id for row in rows]))
        query = query.order_by(LINES.c.entry_id, LINES.c.posting)
        lines = [Line(*row) for row in connection.execute(query)]
        of_entry = {each: tuple(found) for each, found in groupby(lines, lambda x: x.entry_id)}
        return {row.id: _recorded(row, of_entry.get(row.id, ())) for row in rows}

    def _locked(self, query: Select[Any], *, lock: bool) -> Select[Any]:
        return query.with_for_update(key_share=True) if lock else query

    def _save(self, connection: Connection, snapshot: Snapshot, changes: Changes) -> None:
        if not changes.recorded:
            return
        known = {account.id for account in snapshot.accounts.values()}
        new = [account for account in changes.accounts if account.id not in known]
        old = [account for account in changes.accounts if account.id in known]
        insert = self._database.insert
        insert(connection, ENTRIES, [_entry_row(each) for each in changes.recorded])
        insert(connection, ACCOUNTS, [_row(each) for each in new])
        insert(connection, LINES, [row for each in changes.recorded for row in _line_rows(each)])
        insert(connection, TRANSFERS, _transfer_rows(snapshot, changes))
        insert(connection, UNSEALED_ENTRIES, [{"entry_id": x.entry.id} for x in changes.recorded])
        self._update(connection, old)
        for customer in changes.customers:
            self._put_customer(connection, snapshot, customer)

    def _update(self, connection: Connection, accounts: Sequence[Account]) -> None:
        if not accounts:
            return
        names = ["name", "status", "balance_minor", "held_minor", "line_count", "moved_at"]
        rows = [{name: getattr(each, name) for name in ["id", *names]} for each in accounts]
        if self._database.is_sqlite:
            query = update(ACCOUNTS).where(ACCOUNTS.c.id == bindparam("key"))
            values = [{**row, "key": row.pop("id")} for row in rows]
            connection.execute(query.values({n: bindparam(n) for n in names}), values)
            return
        given = self._database.unnested([ACCOUNTS.c[name] for name in ["id", *names]], rows)
        query = update(ACCOUNTS).where(ACCOUNTS.c.id == given.c.id)
        connection.execute(query.values({name: given.c[name] for name in names}))

    def _put_customer(self, connection: Connection, snapshot: Snapshot, customer: Customer) -> None:
        row = _row(customer) | {"left": customer.left}
        if customer.id in snapshot.customers:
            query = update(CUSTOMERS).where(CUSTOMERS.c.id == customer.id)
            connection.execute(query.values(row))
        else:
            self._database.insert(connection, CUSTOMERS, [row])


def _own(outcomes: list[Outcome], entries: Sequence[Entry]) -> list[Outcome]:
    """Recognize what an earlier try of ours had committed: it is no replay."""
    return [
        Outcome(outcome.recorded) if outcome.recorded.entry == entry else outcome
        for outcome, entry in zip(outcomes, entries, strict=True)
    ]


def _row(value: Any) -> Row:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def _account(row: Any) -> Account:
    values = row._asdict()
    return Account(**values | {"status": AccountStatus(values["status"])})


def _recorded(row: Any, lines: tuple[Line, ...]) -> Recorded:
    entry = Entry(row.id, row.caller_id, row.at, row.action, row.till)
    return Recorded(entry, Status(row.status), row.recorded_at, lines, row.details)


def _entry_row(recorded: Recorded) -> Row:
    return _row(recorded.entry) | {
        "status": recorded.status,
        "recorded_at": recorded.at,
        "details": recorded.details,
    }


def _line_rows(recorded: Recorded) -> list[Row]:
    return [_row(line) | {"posting": number} for number, line in enumerate(recorded.lines)]


def _transfer_rows(snapshot: Snapshot, changes: Changes) -> list[Row]:
    accounts = [*snapshot.accounts.values(), *changes.accounts]
    owner_of = {account.id: account.owner_id for account in accounts}
    return [
        {"owner_id": owner_id, "at": recorded.at, "entry_id": recorded.entry.id}
        for recorded in changes.recorded
        if isinstance(recorded.entry.action, Transfer)
        for owner_id in {owner_of[line.account_id] for line in recorded.lines}
    ]
