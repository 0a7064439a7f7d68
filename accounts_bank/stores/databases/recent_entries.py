"""Parts that the stores on databases share: the cache of recent entries, and helpers."""

from collections.abc import Iterable, Sequence

from accounts_bank.concurrency.bounded_cache import BoundedCache
from accounts_bank.identity import Event
from accounts_bank.ledger.entries import KINDS, Entry, Needs, Outcome, Recorded
from accounts_bank.ledger.sealing import Numbered
from accounts_bank.ledger.values import Account
from accounts_bank.stores.base import AccountStore, UserStore

ENTRIES_MAX = 5_000
_ENTRY_KINDS = frozenset(KINDS.values())


class RecentEntries:
    """The newest entries that this process saved, so that the sealer need not read them."""

    def __init__(self) -> None:
        self._entries = BoundedCache[Recorded](ENTRIES_MAX)

    def remember(self, outcomes: Iterable[Outcome]) -> None:
        """Keep newly recorded entries. A full cache drops the oldest, which are read again."""
        for outcome in outcomes:
            recorded = outcome.recorded
            # An entry with a reused key is not recorded, and has no digest.
            if recorded.digest and not outcome.replayed:
                self._entries.put(recorded.entry.id, recorded)

    def forget(self) -> None:
        """Forget all entries: the store holds others now."""
        self._entries = BoundedCache[Recorded](ENTRIES_MAX)

    def among(self, ids: Iterable[str]) -> dict[str, Recorded]:
        """Return the cached entries of some ids."""
        cached = ((each, self._entries.get(each)) for each in ids)
        return {each: recorded for each, recorded in cached if recorded is not None}


def is_entry(kind: str) -> bool:
    """Tell whether an item of a kind is an entry; else it is an event of a user."""
    return kind in _ENTRY_KINDS


def items_of(
    rows: Sequence[Numbered], users: UserStore, accounts: AccountStore, recent: RecentEntries
) -> dict[str, Recorded | Event]:
    """Return the contents of numbered items by id; what this process saved itself is not read."""
    ids = frozenset(row.id for row in rows if is_entry(row.kind))
    cached = recent.among(ids)
    absent = Needs(entries=ids - cached.keys())
    read = accounts.load(absent).entries if absent.entries else {}
    events = users.events([row.id for row in rows if not is_entry(row.kind)])
    return {**cached, **read, **events}


def own(outcomes: list[Outcome], entries: Sequence[Entry]) -> list[Outcome]:
    """Unmark replays that an earlier try of the same call committed: the first of each id."""
    first = {entry.id: index for index, entry in reversed(list(enumerate(entries)))}
    return [
        Outcome(outcome.recorded)
        if outcome.recorded.entry == entry and first[entry.id] == index
        else outcome
        for index, (outcome, entry) in enumerate(zip(outcomes, entries, strict=True))
    ]


def by_name(accounts: Iterable[Account], names: Iterable[str]) -> dict[str, Account]:
    """Return accounts by the requested ids and numbers."""
    found = {name: account for account in accounts for name in (account.id, account.number)}
    return {name: found[name] for name in names if name in found}
