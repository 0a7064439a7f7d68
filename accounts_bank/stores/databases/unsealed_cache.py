"""What the stores on databases do alike with what they read and what they saved."""

from collections.abc import Iterable, Sequence
from time import monotonic

from accounts_bank.ledger.entries import Entry, Outcome, Recorded
from accounts_bank.ledger.values import Account

ENTRIES_MAX = 10_000
FOREIGN_WAIT_S = 0.25
"""How long what another process saved may wait, once it was seen, before it is taken over."""


class UnsealedCache:
    """Entries that this process saved itself, until they are sealed: to spare reading them."""

    def __init__(self) -> None:
        self._entries: dict[str, Recorded] = {}
        self._foreign: dict[str, float] = {}

    def remember(self, outcomes: Iterable[Outcome]) -> None:
        """Keep what was recorded just now. Where there is no room, older ones may be read again.

        Among those are entries that another process took over: nobody says so here.
        """
        if len(self._entries) >= ENTRIES_MAX:
            self._entries = {}
        recorded = [each.recorded for each in outcomes if not each.replayed]
        # What reused a key was not recorded, and has no digest.
        self._entries.update((each.entry.id, each) for each in recorded if each.digest)

    def among(self, ids: Iterable[str]) -> dict[str, Recorded]:
        """Give those of the ids that are remembered."""
        return {each: self._entries[each] for each in ids if each in self._entries}

    def due(self, ids: Sequence[str]) -> list[str]:
        """Choose, of all that waits, what is for this process to seal.

        It is what it saved itself, and what others have left for so long that they may have died.
        """
        now_s, seen_s = monotonic(), self._foreign
        foreign = {each: seen_s.get(each, now_s) for each in ids if each not in self._entries}
        self._foreign = foreign
        return [each for each in ids if now_s - foreign.get(each, 0) >= FOREIGN_WAIT_S]

    def forget(self, ids: Iterable[str]) -> None:
        """Let go of what is sealed."""
        for each in ids:
            self._entries.pop(each, None)


def own(outcomes: list[Outcome], entries: Sequence[Entry]) -> list[Outcome]:
    """Recognize what an earlier try of ours had committed: the first of each id is no replay."""
    first = {entry.id: index for index, entry in reversed(list(enumerate(entries)))}
    return [
        Outcome(outcome.recorded)
        if outcome.recorded.entry == entry and first[entry.id] == index
        else outcome
        for index, (outcome, entry) in enumerate(zip(outcomes, entries, strict=True))
    ]


def by_name(accounts: Iterable[Account], names: Iterable[str]) -> dict[str, Account]:
    """Give accounts by those of their ids and numbers that were asked for."""
    found = {name: account for account in accounts for name in (account.id, account.number)}
    return {name: found[name] for name in names if name in found}
