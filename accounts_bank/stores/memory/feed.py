"""The index of the feed in memory."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice
from operator import attrgetter

from accounts_bank.concurrency.greenlets import InlineLock
from accounts_bank.ledger.feed import FeedQuery, FeedRow
from accounts_bank.ledger.sealing import Numbered
from accounts_bank.stores.feed import Feed

_number = attrgetter("number")


class InMemoryFeed(Feed):
    """The index of one bank. Its containers are part of the journal's image."""

    def __init__(self) -> None:
        self._lock = InlineLock()
        self._rows: list[Numbered] = []
        self._listed = {"number": 0}
        self._feed: list[FeedRow] = []
        self._feed_of: dict[str, list[FeedRow]] = {}

    def listed(self) -> int:
        return self._listed["number"]

    def list_events(self, rows: Sequence[FeedRow], since: int, last: Numbered) -> bool:
        with self._lock:
            if self.listed() != since or self._rows[last.number - 1 : last.number] != [last]:
                return False
            for row in rows:
                self._feed.append(row)
                self._feed_of.setdefault(row.owner_id, []).append(row)
            self._listed["number"] = last.number
        return True

    def find_events(self, query: FeedQuery) -> list[FeedRow]:
        with self._lock:
            of_owner = self._feed_of.get(query.owner_id or "", [])
            rows = self._feed if query.owner_id is None else of_owner
            start = bisect_right(rows, query.after, key=_number)
            later = map(rows.__getitem__, range(start, len(rows)))
            return list(islice(filter(query.matches, later), query.limit))
