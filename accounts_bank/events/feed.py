"""The feed: the events of a bank in the order of the journal's numbers.

A reader that follows `after` gets each event once. Numbers are given in order and without gaps, a
page never ends within a number, and a number is served only after all its events are in the index.
"""

from collections.abc import Callable
from math import inf
from threading import Lock
from time import monotonic

from msgspec import Struct
from msgspec.structs import replace

from accounts_bank.collections.permissions import Permission, may
from accounts_bank.concurrency.greenlets import Waiter, run_in_thread
from accounts_bank.errors import Unavailable
from accounts_bank.events.derivation import accounts_of, earlier_of, events_of
from accounts_bank.events.types import Event
from accounts_bank.events.waiting import Bell
from accounts_bank.identity import Caller
from accounts_bank.ledger.entries import Needs, Recorded, Snapshot
from accounts_bank.ledger.feed import FeedQuery, FeedRow
from accounts_bank.ledger.sealing import Numbered
from accounts_bank.ledger.values import Account
from accounts_bank.stores.base import AccountStore, Journal, Sealed

LISTED_AT_ONCE = 1_000
LISTING_MAX_S = 1.0
"""How long one request adds to the index; the next request continues."""
POLL_S = 0.5
"""The pause between two looks for the numbers that other processes gave."""
PAUSE_S = 0.02
"""The pause after a ring that brought nothing: a busy bank rings all the time."""


class EventPage(Struct, frozen=True):
    """Events in order.

    :param after: where the next page begins.
    :param is_last: whether nothing follows yet.
    :param listed: the last number that the page knows of.
    """

    events: list[Event]
    after: int
    is_last: bool
    listed: int


class EventFeed:
    """Reads the events of one bank."""

    def __init__(
        self, journal: Journal, accounts: AccountStore, number: Callable[[], None]
    ) -> None:
        """Take the stores.

        :param number: gives numbers to all that waits for them.
        """
        self._journal, self._accounts, self._number = journal, accounts, number
        self._listing, self._looking = Lock(), Lock()
        self._looked_s, self._last = -inf, 0
        self.bell = Bell()

    def rung(self) -> None:
        """Wake the callers that wait: entries got numbers."""
        self._looked_s = -inf
        self.bell.ring()

    def read(
        self, caller: Caller, query: FeedQuery, account: Account | None, wait_s: float = 0
    ) -> EventPage:
        """Return a page of the events that the caller may see.

        :param account: the account that the caller asks for, and may read.
        :param wait_s: how long to wait for the first event, in seconds.
        :raises Unavailable: the store does not answer.
        """
        if account is not None:
            query = replace(query, owner_id=account.owner_id, account_ids=(account.id,))
        elif not may(caller.role, Permission.READ_ALL_EVENTS):
            query = replace(query, owner_id=caller.id, account_ids=caller.named_accounts)
        page: EventPage = run_in_thread(self.page, query)
        if page.events or wait_s <= 0:
            return page
        with self.bell.place(caller.id) as is_free:
            return self._awaited(query, page, monotonic() + wait_s) if is_free else page

    def page(self, query: FeedQuery) -> EventPage:
        """Return a page, up to the last number of this moment.

        :raises Unavailable: the store does not answer.
        """
        listed = self._list_all()
        rows, is_last = self._whole(query)
        loaded = self._accounts.load(Needs(entries=frozenset(row.entry_id for row in rows)))
        numbered = {row.number: loaded.entries[row.entry_id] for row in rows}
        events = [each for each in self._events(numbered) if query.matches(each.row)]
        return EventPage(events, rows[-1].number if rows else query.after, is_last, listed)

    def _whole(self, query: FeedQuery) -> tuple[list[FeedRow], bool]:
        """Return rows of whole numbers, at least one number, and whether nothing follows."""
        rows = self._journal.find_events(replace(query, limit=query.limit + 1))
        if len(rows) <= query.limit:
            return rows, True
        last = rows[-1].number
        whole = [row for row in rows if row.number < last]
        if whole:
            return whole, False
        return rows, not self._journal.find_events(replace(query, after=last, limit=1))

    def _awaited(self, query: FeedQuery, page: EventPage, until_s: float) -> EventPage:
        """Wait until there are events, or until the time is over."""
        while not page.events and not self.bell.is_closed:
            left_s = until_s - monotonic()
            if left_s <= 0:
                break
            with self.bell.heard() as waiter:
                if run_in_thread(self._look) <= page.listed:
                    waiter.wait(min(left_s, POLL_S))
                    continue
            page = run_in_thread(self.page, query)
            if not page.events:
                Waiter().wait(min(left_s, PAUSE_S))
        return page

    def _look(self) -> int:
        """Return the last number; all callers that wait share a look at the store."""
        with self._looking:
            if monotonic() - self._looked_s >= POLL_S:
                self._looked_s = monotonic()
                self._number()
                self._last = self._journal.head().number
            return self._last

    def _list_all(self) -> int:
        """Bring the index up to the last number, or as near as `LISTING_MAX_S` permits.

        :returns: the last number in the index.
        """
        self._number()
        with self._listing:
            until_s = monotonic() + LISTING_MAX_S
            while True:
                listed = self._journal.listed()
                items = self._sealed_after(listed)
                if not items or monotonic() > until_s:
                    return listed
                self._list_some(listed, items)

    def _list_some(self, since: int, items: list[Sealed]) -> None:
        """Add the events of the items after a number to the index."""
        entries = {each.number: each.item for each in items if isinstance(each.item, Recorded)}
        rows = [event.row for event in self._events(entries)]
        last = items[-1]
        name = last.item.entry if isinstance(last.item, Recorded) else last.item
        self._journal.list_events(rows, since, Numbered(last.number, name.id, name.kind, last.hash))

    def _sealed_after(self, number: int) -> list[Sealed]:
        try:
            return self._journal.sealed_after(number, LISTED_AT_ONCE)
        except LookupError as error:  # the store is restored at this moment
            raise Unavailable("The bank is being restored. Send the request again.") from error

    def _events(self, entries: dict[int, Recorded]) -> list[Event]:
        """Return all events of some entries, in the order of their numbers."""
        found = list(entries.values())
        earlier = self._accounts.load(earlier_of(found)).entries
        accounts = self._accounts.load(accounts_of([*found, *earlier.values()])).accounts
        books = Snapshot(accounts=accounts, entries=earlier)
        return [
            event for number, each in entries.items() for event in events_of(number, each, books)
        ]
