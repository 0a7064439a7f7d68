"""The two abstract stores: all that the business layer knows of where things are kept."""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from accounts_bank.identity import Event, User
from accounts_bank.ledger.entries import Changes, Entry, Ledger, Needs, Outcome, Recorded, Snapshot
from accounts_bank.ledger.values import Account, Line, Period, Progress

Item = TypeVar("Item")

LINES_AT_ONCE = 200
"""How many of the newest lines tell a balance over time; moments before them are looked up."""


class PutStatus(StrEnum):
    """What became of one user that was put."""

    SAVED = "saved"
    USERNAME_TAKEN = "username_taken"
    VERSION_CONFLICT = "version_conflict"


class Outbox(ABC, Generic[Item]):
    """What was saved and is not yet in the audit log: written with the save, in one commit."""

    @abstractmethod
    def unsealed(self, limit: int) -> Sequence[Item]:
        """Give the oldest items that wait, at most `limit`.

        :raises Unavailable: the store cannot be reached.
        """

    def own_unsealed(self, limit: int) -> Sequence[Item]:
        """Give those of the oldest items that are for this process to seal.

        What other processes saved costs a reading, so it is left to them for a moment.

        :raises Unavailable: the store cannot be reached.
        """
        return self.unsealed(limit)

    @abstractmethod
    def mark_sealed(self, items: Sequence[Item]) -> None:
        """Take items out that are now in the audit log.

        :raises Unavailable: the store cannot be reached; they are given again later.
        """


class AccountStore(Outbox[Recorded]):
    """The books. A store is handed `decide` and calls it inside its own transaction."""

    @abstractmethod
    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Decide a batch of entries and save what follows, in one commit: the only write.

        Each entry has its own outcome, in the order of `entries`; refusals are recorded too. An
        entry whose id is recorded already is not decided again: the same action gets the first
        outcome, another one `key_reused`.

        :raises Unavailable: nothing is known to be decided; to append the same entries again is
            safe.
        :raises BulkTooLarge: nothing is decided, nor would it be: they do not fit one commit.
        """

    @abstractmethod
    def restore(self, changes: Changes) -> None:
        """Save what another store kept, as it is: nothing is decided, nothing waits to be audited.

        Accounts come before their lines. It is for a store that nobody else uses meanwhile.

        :raises Unavailable: it cannot be said to be saved.
        """

    @abstractmethod
    def load(self, needs: Needs) -> Snapshot:
        """Read accounts (by id or number), customers, entries and progress, all as of one moment.

        :raises Unavailable: the store cannot be reached.
        """

    @abstractmethod
    def accounts_of(self, owner_id: str, *, after: str | None, limit: int) -> list[Account]:
        """Give a customer's accounts with ids above `after`, in the order of their ids.

        :raises Unavailable: the store cannot be reached.
        """

    @abstractmethod
    def lines(
        self, account_id: str, *, before: int | None, period: Period, limit: int
    ) -> list[Line]:
        """Give an account's lines of a period, numbered below `before`, the newest first.

        :raises Unavailable: the store cannot be reached.
        """

    @abstractmethod
    def entries_of(
        self, of_id: str, kind: str, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[Recorded]:
        """Give the entries of a kind that are mentioned under an id, the newest first.

        They are in descending order of (time, entry id); `before` is the last one already seen.

        :raises Unavailable: the store cannot be reached.
        """

    @abstractmethod
    def due(self, now: datetime, *, limit: int) -> list[Progress]:
        """Give what the bank must act upon by now, in the order of (`due_at`, entry id).

        :raises Unavailable: the store cannot be reached.
        """

    @abstractmethod
    def ledger(self) -> AbstractContextManager[Ledger]:
        """Read everything, as of the moment of entering, without keeping writers out.

        It is streamed: memory does not grow with what there is.

        :raises Unavailable: the store cannot be reached.
        """

    def account(self, name: str) -> Account | None:
        """Read one account by id or number.

        :raises Unavailable: the store cannot be reached.
        """
        return self.load(Needs(accounts=frozenset((name,)))).accounts.get(name)

    def entry(self, entry_id: str) -> Recorded | None:
        """Read one entry from the journal, refused ones included.

        :raises Unavailable: the store cannot be reached.
        """
        return self.load(Needs(entries=frozenset((entry_id,)))).entries.get(entry_id)

    def total_before(self, account_ids: Sequence[str], moments: Sequence[datetime]) -> list[int]:
        """Sum up what some accounts of one currency held before each of a few moments.

        The moments go up. A store that can do so in one reading does it in its own way.

        :raises Unavailable: the store cannot be reached.
        """
        balances = [self._before(each, moments) for each in account_ids]
        return [sum(each) for each in zip(*balances, strict=True)] or [0] * len(moments)

    def _before(self, account_id: str, moments: Sequence[datetime]) -> list[int]:
        """Give what one account held, by its newest lines and by looking up what lies before."""
        period = Period(since=moments[0])
        lines = self.lines(account_id, before=None, period=period, limit=LINES_AT_ONCE)[::-1]
        times = [line.at for line in lines]
        counts = [bisect_left(times, each) for each in moments]
        return [
            lines[count - 1].balance_minor if count else self._looked_up(account_id, moment, lines)
            for count, moment in zip(counts, moments, strict=True)
        ]

    def _looked_up(self, account_id: str, moment: datetime, lines: list[Line]) -> int:
        if lines and len(lines) < LINES_AT_ONCE:  # the first of them is the first of the period
            return lines[0].balance_minor - lines[0].amount_minor
        found = self.lines(account_id, before=None, period=Period(until=moment), limit=1)
        return found[0].balance_minor if found else 0


class UserStore(Outbox[Event]):
    """The users, with their sessions."""

    @abstractmethod
    def put(self, users: Iterable[User], events: Sequence[Event] = ()) -> list[PutStatus]:
        """Insert users of version 1 and replace others by their next version, in one commit.

        Each user has its own status, in order. A user is saved where nobody else has its
        `username_key` and the version kept is the one before its own; a deleted user has no
        username. The events are saved with it where every user is saved, and not otherwise.

        :raises Unavailable: the store cannot be reached.
        """

    def settle(self) -> None:
        """Wait until nobody, in whatever process, is given a user as it was before now."""

    @abstractmethod
    def restore(self, users: Sequence[User]) -> None:
        """Insert users of any version, as another store kept them.

        :raises Unavailable: it cannot be said to be saved.
        """

    @abstractmethod
    def users(self, ids: Iterable[str]) -> dict[str, User]:
        """Read users by id, deleted ones included; what does not exist is not in the answer.

        :raises Unavailable: the store cannot be reached.
        """

    @abstractmethod
    def user_named(self, username_key: str) -> User | None:
        """Find the user whose name folds to this.

        :raises Unavailable: the store cannot be reached.
        """

    @abstractmethod
    def users_after(self, user_id: str, *, limit: int) -> list[User]:
        """Give the users with ids above `user_id`, in the order of their ids.

        :raises Unavailable: the store cannot be reached.
        """
