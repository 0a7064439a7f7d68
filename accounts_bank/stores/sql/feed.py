"""The index of the feed in an SQL database.

A row without an owner marks the last number whose events are listed. It is written with them.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import ColumnElement, Connection, Select, bindparam, select

from accounts_bank.ledger.feed import FeedQuery, FeedRow
from accounts_bank.ledger.sealing import Numbered
from accounts_bank.stores.feed import Feed
from accounts_bank.stores.sql.database import Database
from accounts_bank.stores.sql.retry import Tries
from accounts_bank.stores.sql.tables import BANK, FEED, JOURNAL, Count, Name
from accounts_bank.stores.sql.writes import Write

_NAMES = FeedRow.__struct_fields__
_FILTERS = ("owner_id", "account_ids", "type")
_LOCKED_BANK = select(BANK.c.number).with_for_update()
_LISTED = select(FEED.c.number).where(FEED.c.owner_id == "").order_by(FEED.c.number.desc()).limit(1)
_HASH = select(JOURNAL.c.hash).where(JOURNAL.c.number == bindparam("number", type_=Count))


class SqlFeed(Feed):
    """The index in SQLite or PostgreSQL, for several processes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pages = {
            given: self._page([name for name, each in zip(_FILTERS, given, strict=True) if each])
            for given in product((False, True), repeat=len(_FILTERS))
        }

    def listed(self) -> int:
        rows = self._database.found(_LISTED)
        return int(rows[0][0]) if rows else 0

    def list_events(self, rows: Sequence[FeedRow], since: int, last: Numbered) -> bool:
        def write(connection: Connection, _tries: Tries) -> bool:
            connection.execute(_LOCKED_BANK)  # as a sealer and a restore do
            listed = self._database.fetch(connection, _LISTED)
            kept = self._database.fetch(connection, _HASH, number=last.number)
            if [row[0] for row in listed] != [since] * (since > 0) or kept != [(last.hash,)]:
                return False
            self._database.save(connection, [Write(FEED, _NAMES, [*map(astuple, rows), mark])])
            return True

        mark = astuple(FeedRow(last.number, "", "", "", last.id))
        return self._database.write(write)

    def find_events(self, query: FeedQuery) -> list[FeedRow]:
        given = {name: getattr(query, name) for name in _FILTERS}
        wanted = {name: value for name, value in given.items() if value is not None}
        if query.account_ids is not None:
            wanted["account_ids"] = sorted(query.account_ids)
        page = self._pages[tuple(name in wanted for name in _FILTERS)]
        rows = self._database.found(page, after=query.after, limit=query.limit, **wanted)
        return [FeedRow(*row) for row in rows]

    def _page(self, names: list[str]) -> Select[Any]:
        """Return the query of a page with these filters, in the order of the numbers."""
        filters: list[ColumnElement[bool]] = [
            FEED.c[name] == bindparam(name, type_=Name) for name in names if name != "account_ids"
        ]
        if "account_ids" in names:
            filters.append(self._database.dialect.among(FEED.c.account_id, "account_ids"))
        if "owner_id" not in names:
            filters.append(FEED.c.owner_id != "")
        after = FEED.c.number > bindparam("after", type_=Count)
        query = select(*(FEED.c[name] for name in _NAMES)).where(after, *filters)
        return query.order_by(FEED.c.number).limit(bindparam("limit"))
