"""Parts that the stores on databases share: the cache of unsealed entries, and two helpers."""

from collections.abc import Iterable, Sequence
from time import monotonic

from accounts_bank.concurrency.bounded_cache import BoundedCache
from accounts_bank.ledger.entries import Entry, Outcome, Recorded
from accounts_bank.ledger.values import Account

ENTRIES_MAX = 10_000
FOREIGN_WAIT_S = 0.25
"""After this time since its first sight, this process seals an entry of another process."""


class UnsealedCache:
    """The entries that this process saved, until they are sealed, so that it need not read them."""

    def __init__(self) -> None:
        self._entries = BoundedCache[Recorded](ENTRIES_MAX)
        self._foreign: dict[str, float] = {}

    def remember(self, outcomes: Iterable[Outcome]) -> None:
        """Keep newly recorded entries. A full cache drops the oldest, which are read again.

        The cache may hold entries that another process has sealed in the meantime.
        """
        for outcome in outcomes:
            recorded = outcome.recorded
            # An entry with a reused key is not recorded, and has no digest.
            if recorded.digest and not outcome.replayed:
                self._entries.put(recorded.entry.id, recorded)

    def among(self, ids: Iterable[str]) -> dict[str, Recorded]:
        """Return the cached entries of some ids."""
        cached = ((each, self._entries.get(each)) for each in ids)
        return {each: recorded for each, recorded in cached if recorded is not None}

    def due(self, ids: Sequence[str]) -> list[str]:
        """Choose the ids that this process should seal among the unsealed ones.

        It seals its own entries, and entries of other processes after `FOREIGN_WAIT_S`.
        """
        now_s, seen_s = monotonic(), self._foreign
        foreign = {each: seen_s.get(each, now_s) for each in ids if each not in self._entries}
        self._foreign = foreign
        return [each for each in ids if now_s - foreign.get(each, 0) >= FOREIGN_WAIT_S]

    def forget(self, ids: Iterable[str]) -> None:
        """Drop sealed entries."""
        for each in ids:
            self._entries.drop(each)


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
