"""The store contract: two abstract stores for the business layer, and the journal's numbers.

Every call may raise Unavailable: the store does not answer, and the same call again is safe. Every
call may raise Damaged: the database is corrupt, and from then on each call raises it. An error that
is a mistake of this program is raised as it is. Times are in UTC; amounts are in minor
units of the account's currency.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from accounts_bank.identity import Event, User
from accounts_bank.ledger.entries import Changes, Entry, Ledger, Needs, Outcome, Recorded, Snapshot
from accounts_bank.ledger.sealing import JournalHead, Numbered
from accounts_bank.ledger.values import Account, Line, Period, Progress
from accounts_bank.stores.feed import Feed

LINES_AT_ONCE = 200
"""Balances over time come from this many newest lines; earlier moments are read one by one."""


class PutStatus(StrEnum):
    """The outcome of one user in `put`."""

    SAVED = "saved"
    USERNAME_TAKEN = "username_taken"
    VERSION_CONFLICT = "version_conflict"


class Present(NamedTuple):
    """A store's knowledge of the present.

    `at` is the time of the store's own clock. A store without a clock gives the last recorded
    time, which the present never precedes, or 1970; `is_exact` is then false. `shared` is then the
    time by the clock that all processes of the machine share, None where there is none.
    """

    at: datetime
    is_exact: bool
    shared: datetime | None = None


class AccountStore(ABC):
    """The books. A store gets `decide` and calls it inside its own transaction."""

    @abstractmethod
    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Decide a batch of entries and save the changes in one commit: the only write of money.

        :param entries: a batch; entries with a recorded id are not decided again.
        :returns: one outcome for each entry, in the order of `entries`. A recorded id with the
            same action gets its first outcome, with another action `key_reused`.
        :raises Unavailable: nothing is known to be decided; the same entries again are safe.
        :raises BulkTooLarge: nothing is decided, and never will be: one commit cannot hold them.
        """

    @abstractmethod
    def restore(self, changes: Changes) -> None:
        """Save the data of another store as it is, without a decision and without an outbox.

        :param changes: accounts come in an earlier call than their lines. No other process uses
            the store meanwhile.
        :raises Unavailable: the changes are not known to be saved.
        """

    @abstractmethod
    def load(self, needs: Needs) -> Snapshot:
        """Read accounts, customers, entries and progress, all as of one moment.

        :param needs: the names; an account is named by its id or its number.
        :returns: the values that exist, by the names in `needs`.
        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def accounts_of(self, owner_id: str, *, after: str | None, limit: int) -> list[Account]:
        """Return a page of a customer's accounts, in the order of their ids.

        :param after: the last id of the previous page; None for the first page.
        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def lines(
        self, account_id: str, *, before: int | None, period: Period, limit: int
    ) -> list[Line]:
        """Return a page of an account's lines in a period, the newest first.

        :param before: the lowest number of the previous page; None for the first page.
        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def entries_of(
        self,
        of_id: str,
        kind: str,
        *,
        before: tuple[datetime, str] | None,
        limit: int,
        since: datetime | None = None,
    ) -> list[Recorded]:
        """Return a page of the entries of a kind that refer to an id, the newest first.

        :param of_id: the id of a user, of one of its pairs of metadata (`pair_id`), or of an entry
            that others refer to.
        :param kind: the kind of the entries, such as "transfer".
        :param before: (time, entry id) of the last entry of the previous page; None for the first.
        :param since: the earliest time of an entry, in UTC; None leaves it open.
        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def due(self, now: datetime, *, limit: int) -> list[Progress]:
        """Return holds and schedules that are due by `now`, in the order of (`due_at`, entry id).

        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def present(self) -> Present:
        """Read the store's own clock; without one, the last recorded time.

        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def ledger(self) -> AbstractContextManager[Ledger]:
        """Read everything as of the moment of entering, without a lock against writers.

        The ledger is streamed: memory does not grow with the number of rows.

        :raises Unavailable: the store does not answer.
        """

    def account(self, name: str) -> Account | None:
        """Read one account by id or number; None if it does not exist.

        :raises Unavailable: the store does not answer.
        """
        return self.load(Needs(accounts=frozenset((name,)))).accounts.get(name)

    def entry(self, entry_id: str) -> Recorded | None:
        """Read one entry from the journal, recorded or refused; None if it does not exist.

        :raises Unavailable: the store does not answer.
        """
        return self.load(Needs(entries=frozenset((entry_id,)))).entries.get(entry_id)

    def total_before(self, account_ids: Sequence[str], moments: Sequence[datetime]) -> list[int]:
        """Return the total balance of accounts before each moment, in minor units.

        :param account_ids: accounts of one currency.
        :param moments: times in ascending order.
        :returns: one total for each moment. A store may override this with one query.
        :raises Unavailable: the store does not answer.
        """
        balances = [self._before(each, moments) for each in account_ids]
        return [sum(each) for each in zip(*balances, strict=True)] or [0] * len(moments)

    def _before(self, account_id: str, moments: Sequence[datetime]) -> list[int]:
        """Return one account's balances from its newest lines; read earlier ones one by one."""
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


class UserStore(ABC):
    """The users, with their sessions."""

    @abstractmethod
    def put(self, users: Iterable[User], events: Sequence[Event] = ()) -> list[PutStatus]:
        """Insert users of version 1 and replace others by their next version, in one commit.

        A user is saved if its `username_key` is free and the stored version is the one before its
        own. A deleted user frees its username.

        :param events: saved in the same commit if every user is saved, and not otherwise.
        :returns: one status for each user, in the order of `users`.
        :raises Unavailable: the store does not answer.
        """

    def settle(self) -> None:  # noqa: B027 - without a cache there is nothing to wait for
        """Wait until no process returns a user as it was before this call."""

    @abstractmethod
    def restore(self, users: Sequence[User], events: Sequence[Event] = ()) -> None:
        """Insert users of any version and events that have numbers, as another store had them.

        :raises Unavailable: the users are not known to be saved.
        """

    @abstractmethod
    def users(self, ids: Iterable[str]) -> dict[str, User]:
        """Read users by id, deleted ones included; an unknown id is not in the result.

        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def user_named(self, username_key: str) -> User | None:
        """Find a user by the folded username; None if it does not exist.

        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def key_owners(self, hashes: Iterable[str]) -> dict[str, str]:
        """Find the users that have keys; return their ids by the hash of the key.

        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def users_after(self, user_id: str, *, limit: int) -> list[User]:
        """Return a page of users with ids above `user_id`, in the order of their ids.

        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def events(self, ids: Iterable[str]) -> dict[str, Event]:
        """Read events by id; an unknown id is not in the result.

        :raises Unavailable: the store does not answer.
        """


class Sealed(Struct, frozen=True, gc=False):
    """A numbered item with its content, as the audit trail and events show it."""

    number: int
    previous_hash: str
    hash: str
    item: Recorded | Event


class Journal(Feed):
    """The numbers of a bank: each recorded entry and each event of a user gets the next one.

    The stores add what they save to an outbox, in the commit that saves it. `seal` moves items from
    the outbox to the numbers. A number, once given, never changes.
    """

    @property
    @abstractmethod
    def bank_id(self) -> str:
        """The id of the bank, made once with its stores.

        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def head(self) -> JournalHead:
        """Return the end of the numbers.

        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def seal(self, limit: int) -> int:
        """Give the next numbers to the oldest items of the outbox, at most `limit`, in one commit.

        The commit saves the numbers and the head, and removes the items from the outbox by their
        ids. It happens only where the head is still the one that it continues. Lines of one account
        get their numbers in their own order.

        :returns: how many items got a number.
        :raises Unavailable: it is not known to be done; the next call continues.
        """

    @abstractmethod
    def backlog(self, limit: int) -> tuple[int, datetime | None]:
        """Return the number of items without a number, at most `limit`, and the oldest one's time.

        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def numbered(self, first: int, limit: int) -> list[Numbered]:
        """Return at most `limit` rows from the number `first` on, in order.

        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def items(self, rows: Sequence[Numbered]) -> dict[str, Recorded | Event]:
        """Return the contents of numbered items by id; one that does not exist is left out.

        :raises Unavailable: the store does not answer.
        """

    def sealed_after(self, number: int, limit: int) -> list[Sealed]:
        """Return at most `limit` items with numbers above `number`, in order: a page of the feed.

        :raises Unavailable: the store does not answer.
        :raises LookupError: an item with a number does not exist.
        """
        rows = self.numbered(max(number, 1), limit + (number > 0))
        items = self.items([row for row in rows if row.number > number])
        previous = "", *(row.hash for row in rows)
        return [
            Sealed(row.number, before, row.hash, _existing(items, row))
            for before, row in zip(previous, rows, strict=False)
            if row.number > number
        ]

    @abstractmethod
    def cursor(self, reader: str) -> int:
        """Return the last number that a reader of the feed has dealt with, 0 for a new reader.

        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def advance(self, reader: str, number: int) -> None:
        """Move a reader's cursor forward; it never moves back.

        :raises Unavailable: the cursor is not known to be saved.
        """

    @abstractmethod
    def cursors(self) -> dict[str, int]:
        """Return all cursors by the name of the reader.

        :raises Unavailable: the store does not answer.
        """

    @abstractmethod
    def restore(self, rows: Sequence[Numbered]) -> None:
        """Save rows of another store as they are; their entries and events are saved already.

        :raises Unavailable: the rows are not known to be saved.
        """

    @abstractmethod
    def restore_head(self, bank_id: str, head: JournalHead, cursors: Mapping[str, int]) -> None:
        """Take over the identity, the head and the cursors of another store.

        :raises Unavailable: they are not known to be saved.
        """


def _existing(items: Mapping[str, Recorded | Event], row: Numbered) -> Recorded | Event:
    if row.id not in items:
        raise LookupError(f"number {row.number} is {row.kind} {row.id}, which does not exist")
    return items[row.id]
