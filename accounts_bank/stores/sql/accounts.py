"""The books in an SQL database."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import (
    Connection,
    bindparam,
    select,
    tuple_,
)

from accounts_bank.ledger.actions import Capture
from accounts_bank.ledger.decide import Decide, decide
from accounts_bank.ledger.entries import (
    KINDS,
    Changes,
    Entry,
    Ledger,
    Needs,
    Outcome,
    Recorded,
    Snapshot,
    needs,
)
from accounts_bank.ledger.sealing import JournalHead
from accounts_bank.ledger.values import (
    Account,
    AccountStatus,
    Customer,
    EntryRef,
    Line,
    Period,
    Progress,
    Stage,
    Status,
)
from accounts_bank.stores.base import AccountStore, Present
from accounts_bank.stores.databases.recent_entries import RecentEntries, by_name, own
from accounts_bank.stores.databases.timestamps import microseconds, moment
from accounts_bank.stores.sql.database import Database
from accounts_bank.stores.sql.driver import Row
from accounts_bank.stores.sql.periods import counts_before, totals, within
from accounts_bank.stores.sql.retry import Tries
from accounts_bank.stores.sql.tables import (
    ACCOUNTS,
    CUSTOMERS,
    ENTRIES,
    ENTRY_REFS,
    HEAD,
    LINES,
    PROGRESS,
    UNSEALED,
    Count,
    Name,
)
from accounts_bank.stores.sql.writes import Write

NUMBER_MAX = 2**63 - 1

_FIXED = {"number", "owner_id", "currency", "created_at", "metadata"}
_CHANGING = tuple(name for name in Account.__struct_fields__ if name not in _FIXED)
_CHANGED = attrgetter(*_CHANGING)
_WITH_METADATA = (*_CHANGING, "metadata")
_ENTRY_NAMES = (*Entry.__struct_fields__, "status", "recorded_at", "details", "digest")
_KEPT = ("status", "at", "details", "digest")
_OF_ENTRY = attrgetter(*(f"entry.{name}" for name in Entry.__struct_fields__), *_KEPT)
_OF_LINE = attrgetter(*Line.__struct_fields__)
_LINE_NAMES = (*Line.__struct_fields__, "posting")
_LINE = [LINES.c[name] for name in Line.__struct_fields__]


class _Queries:
    """The prepared queries."""

    def __init__(self, database: Database) -> None:
        among, accounts, customers = database.dialect.among, ACCOUNTS.c, CUSTOMERS.c
        self.accounts, self.locked_accounts = database.dialect.by_name(ACCOUNTS, "number")
        self.customers, self.locked_customers = database.dialect.by_id(CUSTOMERS)
        self.entries = select(ENTRIES).where(among(ENTRIES.c.id, "ids"))
        lines = select(*_LINE).where(among(LINES.c.entry_id, "ids"))
        self.lines = lines.order_by(LINES.c.entry_id, LINES.c.posting)
        counts, number = counts_before(database), LINES.c.number
        page = select(*_LINE).where(LINES.c.account_id == bindparam("account_id"))
        page = page.order_by(number.desc()).limit(bindparam("limit"))
        self.page = page.where(number < bindparam("before", type_=Count))
        self.page_of_period, self.totals = within(page, counts), totals(counts)
        self.all_accounts = select(ACCOUNTS).order_by(accounts.id)
        self.all_customers = select(CUSTOMERS).order_by(customers.id)
        self.all_lines = select(*_LINE).order_by(LINES.c.account_id, LINES.c.number)
        self.all_postings = select(*_LINE).order_by(LINES.c.entry_id, LINES.c.posting)
        self.progress = select(PROGRESS).where(among(PROGRESS.c.entry_id, "ids"))
        captured = among(ENTRY_REFS.c.of_id, "ids") & (ENTRY_REFS.c.kind == KINDS[Capture])
        self.captures = select(ENTRY_REFS.c.entry_id).where(captured)
        self.all_progress = select(PROGRESS).order_by(PROGRESS.c.entry_id)
        self.all_entry_refs = select(ENTRY_REFS).order_by(ENTRY_REFS.c.entry_id, ENTRY_REFS.c.of_id)
        self.all_entries = select(ENTRIES).order_by(ENTRIES.c.id)
        unsealed = select(UNSEALED.c.id).where(UNSEALED.c.kind.in_(KINDS.values()))
        self.all_unsealed = unsealed.order_by(UNSEALED.c.id)


class SqlAccountStore(AccountStore):
    """The books in SQLite or PostgreSQL, for several processes."""

    def __init__(self, database: Database, decide: Decide = decide) -> None:
        self._database = database
        self._decide = decide
        self._queries = _Queries(database)
        self.recent = RecentEntries()

    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        def write(connection: Connection, tries: Tries) -> list[Outcome]:
            snapshot = self._load(connection, needs(entries), lock=True)
            changes = self._decide(snapshot, entries)
            if changes.recorded:
                self._database.save(connection, _writes(snapshot, changes))
            return own(changes.outcomes, entries) if tries.is_unsure else changes.outcomes

        outcomes = self._database.write(write) if entries else []
        self.recent.remember(outcomes)
        return outcomes

    def restore(self, changes: Changes) -> None:
        writes = [each for each in _writes(Snapshot(), changes) if each.table != UNSEALED]
        self._database.write(lambda c, _tries: self._database.save(c, writes))

    def load(self, needs: Needs) -> Snapshot:
        if needs == Needs(accounts=needs.accounts):
            rows = self._database.found(self._queries.accounts, names=sorted(needs.accounts))
            return Snapshot(by_name(map(_account, rows), needs.accounts), {}, {})
        return self._database.read(lambda connection: self._load(connection, needs))

    def accounts_of(self, owner_id: str, *, after: str | None, limit: int) -> list[Account]:
        query = select(ACCOUNTS).where(ACCOUNTS.c.owner_id == owner_id)
        if after is not None:
            query = query.where(ACCOUNTS.c.id > after)
        rows = self._database.rows(query.order_by(ACCOUNTS.c.id).limit(limit))
        return [_account(row) for row in rows]

    def lines(
        self, account_id: str, *, before: int | None, period: Period, limit: int
    ) -> list[Line]:
        last = NUMBER_MAX if before is None else min(before, NUMBER_MAX)
        given = {"account_id": account_id, "before": last, "limit": limit}
        query = self._queries.page
        if period != Period():
            query = self._queries.page_of_period
            since = -NUMBER_MAX if period.since is None else microseconds(period.since)
            until = NUMBER_MAX if period.until is None else microseconds(period.until)
            given |= {"account_ids": [account_id], "moments": sorted({since, until})}
            given |= {"since": since, "until": until}
        return [Line(*row) for row in self._database.found(query, **given)]

    def total_before(self, account_ids: Sequence[str], moments: Sequence[datetime]) -> list[int]:
        times = [microseconds(each) for each in moments]
        given = {"account_ids": list(account_ids), "moments": sorted(set(times))}
        rows = self._database.found(self._queries.totals, **given) if account_ids else ()
        totals = {at: int(total) for at, total in rows}
        return [totals.get(each, 0) for each in times]

    def entries_of(
        self,
        of_id: str,
        kind: str,
        *,
        before: tuple[datetime, str] | None,
        limit: int,
        since: datetime | None = None,
    ) -> list[Recorded]:
        columns = ENTRY_REFS.c
        query = select(columns.entry_id).where(columns.of_id == of_id, columns.kind == kind)
        if before is not None:
            last = tuple_(columns.at, columns.entry_id)
            query = query.where(last < tuple_(*before, types=[columns.at.type, Name]))
        if since is not None:
            query = query.where(columns.at >= since)
        query = query.order_by(columns.at.desc(), columns.entry_id.desc()).limit(limit)
        return self._database.read(lambda c: self._in_order(c, c.execute(query).scalars()))

    def due(self, now: datetime, *, limit: int) -> list[Progress]:
        query = select(PROGRESS).where(PROGRESS.c.due_at <= now)
        query = query.order_by(PROGRESS.c.due_at, PROGRESS.c.entry_id).limit(limit)
        return [_progress(row) for row in self._database.rows(query)]

    def present(self) -> Present:
        dialect = self._database.dialect
        ((at,),) = self._database.rows(dialect.present)
        return Present((at or moment(0)).astimezone(UTC), dialect.has_clock, dialect.shared_clock())

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with self._database.streaming() as rows:
            lines = (Line(*row) for row in rows(self._queries.all_lines))
            of_entries = (Line(*row) for row in rows(self._queries.all_postings))
            yield Ledger(
                accounts=(_account(row) for row in rows(self._queries.all_accounts)),
                customers=(_customer(row) for row in rows(self._queries.all_customers)),
                lines=lines,
                entries=_joined(rows(self._queries.all_entries), of_entries),
                progress=(_progress(row) for row in rows(self._queries.all_progress)),
                entry_refs=(EntryRef(*row) for row in rows(self._queries.all_entry_refs)),
                unsealed=(row.id for row in rows(self._queries.all_unsealed)),
                head=JournalHead(*next(rows(select(*HEAD)))),
                load=self.load,
            )

    def _load(self, connection: Connection, needs: Needs, *, lock: bool = False) -> Snapshot:
        """Load the needed values; with `lock` the accounts are locked in the order of their ids.

        The entries come last: a retry that waited for the commit of the first try then finds it.
        """
        queries, fetch = self._queries, self._database.fetch
        accounts: Sequence[Row] = ()
        customers: Sequence[Row] = ()
        if needs.accounts:
            query = queries.locked_accounts if lock else queries.accounts
            accounts = fetch(connection, query, names=sorted(needs.accounts))
        if needs.customers:
            query = queries.locked_customers if lock else queries.customers
            customers = fetch(connection, query, ids=sorted(needs.customers))
        progress: Sequence[Row] = ()
        if needs.progress:
            progress = fetch(connection, queries.progress, ids=sorted(needs.progress))
        captures: Sequence[Row] = ()
        if needs.captures:
            captures = fetch(connection, queries.captures, ids=sorted(needs.captures))
        return Snapshot(
            accounts=by_name(map(_account, accounts), needs.accounts),
            customers={each.id: each for each in map(_customer, customers)},
            entries=self._entries(connection, needs.entries.union(*captures)),
            progress={each.entry_id: each for each in map(_progress, progress)},
        )

    def _entries(self, connection: Connection, ids: Iterable[str]) -> dict[str, Recorded]:
        wanted = sorted(ids)
        if not wanted:
            return {}
        queries, fetch = self._queries, self._database.fetch
        rows = {row[0]: row for row in fetch(connection, queries.entries, ids=wanted)}
        if not rows:
            return {}
        lines = [Line(*row) for row in fetch(connection, queries.lines, ids=sorted(rows))]
        of_entry = {each: tuple(found) for each, found in groupby(lines, lambda x: x.entry_id)}
        return {each: _recorded(row, of_entry.get(each, ())) for each, row in rows.items()}

    def _in_order(self, connection: Connection, ids: Iterable[str]) -> list[Recorded]:
        wanted = list(ids)
        found = self._entries(connection, wanted)
        return [found[each] for each in wanted]


def _writes(snapshot: Snapshot, changes: Changes) -> Iterator[Write]:
    """Return the rows of a commit: entries, accounts, lines, references, progress, outbox."""
    known = {account.id: account.metadata for account in snapshot.accounts.values()}
    new = [astuple(account) for account in changes.accounts if account.id not in known]
    old = [account for account in changes.accounts if account.id in known]
    moved = [_CHANGED(account) for account in old if account.metadata == known[account.id]]
    other = [account for account in old if account.metadata != known[account.id]]
    met = [astuple(each) for each in changes.customers if each.id not in snapshot.customers]
    others = [astuple(each) for each in changes.customers if each.id in snapshot.customers]
    yield Write(ENTRIES, _ENTRY_NAMES, [*map(_OF_ENTRY, changes.recorded)])
    yield Write(ACCOUNTS, Account.__struct_fields__, new)
    yield Write(ACCOUNTS, _CHANGING, moved, key="id")
    yield Write(
        ACCOUNTS, _WITH_METADATA, [(*_CHANGED(each), each.metadata) for each in other], key="id"
    )
    yield Write(LINES, _LINE_NAMES, [row for each in changes.recorded for row in _postings(each)])
    yield Write(
        ENTRY_REFS, EntryRef.__struct_fields__, [astuple(each) for each in changes.entry_refs]
    )
    begun = [astuple(each) for each in changes.progress if each.entry_id not in snapshot.progress]
    moved_on = [astuple(each) for each in changes.progress if each.entry_id in snapshot.progress]
    yield Write(PROGRESS, Progress.__struct_fields__, begun)
    yield Write(PROGRESS, Progress.__struct_fields__, moved_on, key="entry_id")
    waiting = [(each.entry.id, each.entry.kind) for each in changes.recorded]
    yield Write(UNSEALED, ("id", "kind"), waiting)
    yield Write(CUSTOMERS, Customer.__struct_fields__, met)
    yield Write(CUSTOMERS, Customer.__struct_fields__, others, key="id")


def _account(row: Row) -> Account:
    values = dict(zip(Account.__struct_fields__, row, strict=True))
    return Account(**values | {"status": AccountStatus(values["status"])})


def _customer(row: Row) -> Customer:
    customer_id, open_accounts, left = row
    return Customer(customer_id, open_accounts, bool(left))


def _joined(rows: Iterable[Any], lines: Iterable[Line]) -> Iterator[Recorded]:
    """Join entries with their lines; both come in the order of the entries' ids."""
    groups = groupby(lines, lambda line: line.entry_id)
    entry_id, found = next(groups, (None, iter(())))
    for row in rows:
        while entry_id is not None and entry_id < row.id:  # of no entry
            entry_id, found = next(groups, (None, iter(())))
        yield _recorded(row, tuple(found) if entry_id == row.id else ())


def _progress(row: Row) -> Progress:
    values = dict(zip(Progress.__struct_fields__, row, strict=True))
    return Progress(**values | {"stage": Stage(values["stage"])})


def _recorded(row: Row, lines: tuple[Line, ...]) -> Recorded:
    entry_id, caller_id, asked_at, action, till, status, at, details, digest = row
    entry = Entry(entry_id, caller_id, asked_at, action, till)
    return Recorded(entry, Status(status), at, lines, details, digest)


def _postings(recorded: Recorded) -> list[tuple[Any, ...]]:
    return [(*_OF_LINE(line), number) for number, line in enumerate(recorded.lines)]
