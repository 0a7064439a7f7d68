"""Search: the payments of a caller that fit filters, and the fate of an idempotency key.

A page comes from an index: that of one pair of metadata, or that of all payments of the caller, in
a period. The other filters look at the entries of this index, at most `SCAN_MAX` for one page. So a
page costs the same in a large bank. It may have fewer items than its limit, or none, and still lead
to a next page.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from msgspec import Struct

from accounts_bank.collections.approvals import done_id
from accounts_bank.collections.bulk import part_ids
from accounts_bank.collections.client import LedgerClient, PagePosition, keyed_id
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import AskApproval, Bulk
from accounts_bank.ledger.entries import KINDS, Needs, Recorded
from accounts_bank.ledger.iban import canonical
from accounts_bank.ledger.refs import pair_id
from accounts_bank.ledger.values import Status

SCAN_MAX = 1_000
"""The number of entries that one page looks at."""
BATCH = 250

ReadDetails = Callable[[Caller, Sequence[Recorded]], Sequence[Any]]
"""Returns the details of recorded entries of one kind, in their order."""


class Filters(Struct, frozen=True, kw_only=True):
    """Conditions; a payment fits if it fulfils all of them.

    :param account: the id or the number of an account on one of its sides.
    :param since: the earliest time, in UTC.
    :param until: the time from which on no payment fits, in UTC.
    :param min_minor: the lowest amount, in minor units.
    :param max_minor: the highest amount, in minor units.
    :param status: the status that an answer shows.
    :param reference: a part of the reference, in upper or lower case.
    :param metadata: some of its pairs.
    """

    account: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    min_minor: int | None = None
    max_minor: int | None = None
    status: str | None = None
    reference: str | None = None
    metadata: Mapping[str, str] = {}

    @property
    def is_wider(self) -> bool:
        """Whether the index has entries that do not fit."""
        others = (self.min_minor, self.max_minor, self.status, self.reference)
        return set(others) != {None} or len(self.metadata) > 1

    def index_of(self, caller: Caller) -> str:
        """Return the id under which the entries are listed that may fit."""
        for name, value in self.metadata.items():
            return pair_id(caller.id, name, value)
        return caller.id

    def first(self, before: PagePosition) -> PagePosition:
        """Return the position from which a page reads back."""
        if self.until is None:
            return before
        return (self.until, "") if before is None else min(before, (self.until, ""))

    def fit(self, recorded: Recorded) -> bool:
        """Return whether an entry fulfils all conditions but those of account and status."""
        action: Any = recorded.entry.action
        if self.since is not None and recorded.at < self.since:
            return False
        if self.until is not None and recorded.at >= self.until:
            return False
        if self.min_minor is not None and action.amount_minor < self.min_minor:
            return False
        if self.max_minor is not None and action.amount_minor > self.max_minor:
            return False
        if self.reference and self.reference.casefold() not in (action.reference or "").casefold():
            return False
        return self.metadata.items() <= (action.metadata or {}).items()


class Found(Struct, frozen=True):
    """A page of a search, and the position of the next page; None for the last page.

    An item is the details of a payment, or the entry itself if the payment was refused.
    """

    items: Sequence[Any]
    after: PagePosition


class Search:
    """Finds payments in the books.

    :param readers: for each kind of payments, how to read the details of entries.
    """

    def __init__(self, client: LedgerClient, readers: Mapping[str, ReadDetails]) -> None:
        self._client = client
        self._readers = readers

    def page(
        self, caller: Caller, kind: str, filters: Filters, *, before: PagePosition, limit: int
    ) -> Found:
        """Return a page of the caller's payments of a kind that fit, newest first.

        :param before: the time and id of the last payment of the previous page.
        :param limit: the largest number of payments.
        """
        sides = self._sides(caller, filters.account)
        found: list[tuple[Recorded, Any]] = []
        position, left = filters.first(before), SCAN_MAX
        while left > 0:
            asked = min(left, BATCH if sides or filters.is_wider else limit + 1)
            entries = self._client.store.entries_of(
                filters.index_of(caller), kind, before=position, limit=asked, since=filters.since
            )
            found += self._fitting(caller, kind, filters, sides, entries)
            if len(found) > limit:
                return Found([item for _, item in found[:limit]], _position(found[limit - 1][0]))
            if len(entries) < asked:
                return Found([item for _, item in found], None)
            position, left = _position(entries[-1]), left - asked
        return Found([item for _, item in found], position)

    def of_key(  # noqa: PLR0913 - a page of a search
        self,
        caller: Caller,
        kind: str,
        key: str,
        filters: Filters,
        *,
        before: PagePosition,
        limit: int,
    ) -> Found:
        """Return the payment that the caller sent with a key, refused or not; none if undecided.

        A key of a bulk leads to its transfers, in pages, the last one first.
        """
        recorded = self._client.store.entry(keyed_id(caller.id, key))
        if recorded is None:
            return Found([], None)
        ids = [each for each in _ids(recorded, kind) if before is None or each < before[1]]
        loaded = self._client.store.load(Needs(entries=frozenset(ids[:limit]))).entries
        entries = [loaded[each] for each in ids[:limit] if each in loaded]
        sides = self._sides(caller, filters.account)
        fitting = [each for each in entries if filters.fit(each) and _has(each, sides)]
        shown = [
            each
            for each in self._outcomes(caller, kind, fitting)
            if filters.status in {None, status_of(each)}
        ]
        return Found(shown, (recorded.at, ids[limit - 1]) if len(ids) > limit else None)

    def _fitting(
        self,
        caller: Caller,
        kind: str,
        filters: Filters,
        sides: Sequence[AbstractSet[str]],
        entries: Sequence[Recorded],
    ) -> list[tuple[Recorded, Any]]:
        fitting = [each for each in entries if filters.fit(each) and _has(each, sides)]
        details = self._readers[kind](caller, fitting) if fitting else ()
        return [
            (recorded, item)
            for recorded, item in zip(fitting, details, strict=True)
            if filters.status in {None, status_of(item)}
        ]

    def _outcomes(self, caller: Caller, kind: str, entries: Sequence[Recorded]) -> list[Any]:
        """Return details of recorded entries, and refused entries as they are."""
        recorded = [each for each in entries if each.status is Status.RECORDED]
        details = iter(self._readers[kind](caller, recorded) if recorded else ())
        return [next(details) if each.status is Status.RECORDED else each for each in entries]

    def _sides(self, caller: Caller, account: str | None = None) -> list[AbstractSet[str]]:
        """Return sets of names; a payment that fits has an account of each set on a side.

        A key with named accounts sees the payments of these alone.
        """
        sides: list[AbstractSet[str]] = []
        if caller.named_accounts is not None:
            sides.append(self._client.reached_names(caller.named_accounts))
        if account is not None:
            found = self._client.store.account(canonical(account))
            sides.append({found.id, found.number} if found else set())
        return sides


def status_of(item: Any) -> str:
    """Return the status of a payment as an answer shows it: the stage of a hold."""
    if isinstance(item, Recorded):
        return "refused"
    return str(getattr(item, "stage", item.recorded.status))


def _ids(recorded: Recorded, kind: str) -> Sequence[str]:
    """Return the ids of the payments of a kind that an entry is, or leads to.

    A bulk leads to its items, a request for approval to the payment that a grant records.
    """
    action = recorded.entry.action
    if isinstance(action, AskApproval):
        return [done_id(recorded.entry.id)] if KINDS[type(action.action)] == kind else []
    if isinstance(action, Bulk) and kind == "transfer":
        return part_ids(recorded.entry.id, action.count)[::-1]
    return [recorded.entry.id] if recorded.entry.kind == kind else []


def _has(recorded: Recorded, sides: Sequence[AbstractSet[str]]) -> bool:
    """Return whether an entry has an account of each set, as its action or its lines name it."""
    if not sides:
        return True
    names = ("account", "from_account", "to_account")
    named = {getattr(recorded.entry.action, name, None) for name in names}
    named |= {line.account_id for line in recorded.lines}
    return not any(map(named.isdisjoint, sides))


def _position(recorded: Recorded) -> tuple[datetime, str]:
    return recorded.at, recorded.entry.id
