"""The stores of the bank that forgets: everything in this process, behind one lock each.

Every step that can fail comes before the first change, so a failure midway leaves no trace.
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain, islice, takewhile
from operator import attrgetter

from msgspec.structs import replace

from accounts_bank.concurrency.greenlets import FairLock
from accounts_bank.identity import Event, Session, User
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
from accounts_bank.ledger.values import Account, Customer, EntryRef, Line, Period, Progress
from accounts_bank.stores.base import AccountStore, Present, PutStatus, UserStore
from accounts_bank.stores.databases.timestamps import moment
from accounts_bank.stores.memory.journal import InMemoryJournal
from accounts_bank.stores.memory_image import Imaged

Sessions = dict[tuple[str, str], tuple[Session, ...]]
"""Sessions by the id and the username of their user."""


class InMemoryAccountStore(Imaged, AccountStore):
    """The books in memory, for one process."""

    def __init__(
        self,
        decide: Decide = decide,
        journal: InMemoryJournal | None = None,
        lock: FairLock | None = None,
    ) -> None:
        """Begin empty; new entries go to the outbox of `journal`, or of a journal of its own."""
        self.journal = journal or InMemoryJournal()
        self._decide = decide
        self._lock = lock or FairLock()
        self._accounts: dict[str, Account] = {}
        self._id_of: dict[str, str] = {}
        self._customers: dict[str, Customer] = {}
        self._entries: dict[str, Recorded] = {}
        self._accounts_of: dict[str, list[str]] = {}
        self._lines: dict[str, list[Line]] = {}
        self._progress: dict[str, Progress] = {}
        self._due: list[tuple[datetime, str]] = []
        self._entry_refs: defaultdict[tuple[str, str], list[tuple[datetime, str]]] = defaultdict(
            list
        )

    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        if len(entries) > 1:
            self.journal.await_room()
        with self._lock:
            self.journal.check_room()
            changes = self._decide(self._load(needs(entries)), entries)
            self._save(changes)
            self.journal.add(changes.recorded)
        return changes.outcomes

    def restore(self, changes: Changes) -> None:
        with self._lock:
            self._save(changes)
            self.journal.add_sealed(changes.recorded)
            for account_id in {line.account_id for each in changes.recorded for line in each.lines}:
                self._lines[account_id].sort(key=_number)

    def load(self, needs: Needs) -> Snapshot:
        with self._lock:
            return self._load(needs)

    def accounts_of(self, owner_id: str, *, after: str | None, limit: int) -> list[Account]:
        with self._lock:
            ids = self._accounts_of.get(owner_id, [])
            start = 0 if after is None else bisect_right(ids, after)
            return [self._accounts[each] for each in ids[start : start + limit]]

    def lines(
        self, account_id: str, *, before: int | None, period: Period, limit: int
    ) -> list[Line]:
        with self._lock:
            lines = self._lines.get(account_id, [])
            start, stop = 0, len(lines) if before is None else min(before - 1, len(lines))
            if period.since is not None:
                start = bisect_left(lines, period.since, key=_at)
            if period.until is not None:
                stop = min(stop, bisect_left(lines, period.until, key=_at))
            return lines[max(start, stop - limit) : max(stop, 0)][::-1]

    def entries_of(
        self,
        of_id: str,
        kind: str,
        *,
        before: tuple[datetime, str] | None,
        limit: int,
        since: datetime | None = None,
    ) -> list[Recorded]:
        with self._lock:
            keys = self._entry_refs.get((of_id, kind), [])
            stop = len(keys) if before is None else bisect_left(keys, before)
            start = 0 if since is None else bisect_left(keys, (since, ""))
            return [self._entries[each] for _, each in keys[max(start, stop - limit) : stop][::-1]]

    def due(self, now: datetime, *, limit: int) -> list[Progress]:
        with self._lock:
            due = takewhile(lambda each: each[0] <= now, islice(self._due, limit))
            return [self._progress[entry_id] for _, entry_id in due]

    def present(self) -> Present:
        with self._lock:
            last = next(reversed(self._entries.values()), None)
        return Present(last.at if last else moment(0), is_exact=False)

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with self._lock:
            accounts, customers = dict(self._accounts), dict(self._customers)
            lines = {each: list(found) for each, found in self._lines.items()}
            entries, progress = dict(self._entries), dict(self._progress)
            entry_refs = [
                EntryRef(of_id, kind, at, entry_id)
                for (of_id, kind), keys in self._entry_refs.items()
                for at, entry_id in keys
            ]
            unsealed, head = self.journal.unsealed_entries()
        yield Ledger(
            accounts=(accounts[each] for each in sorted(accounts)),
            customers=(customers[each] for each in sorted(customers)),
            lines=chain.from_iterable(lines[each] for each in sorted(lines)),
            entries=(entries[each] for each in sorted(entries)),
            progress=(progress[each] for each in sorted(progress)),
            entry_refs=iter(sorted(entry_refs, key=attrgetter("entry_id", "of_id"))),
            unsealed=iter(unsealed),
            head=head,
            load=self.load,
        )

    def _load(self, needs: Needs) -> Snapshot:
        captures = {
            entry_id
            for hold_id in needs.captures
            for _, entry_id in self._entry_refs.get((hold_id, KINDS[Capture]), ())
        }
        return Snapshot(
            accounts={
                name: self._accounts[self._id_of[name]]
                for name in needs.accounts
                if name in self._id_of
            },
            customers={
                each: self._customers[each] for each in needs.customers if each in self._customers
            },
            entries={
                each: self._entries[each]
                for each in needs.entries | captures
                if each in self._entries
            },
            progress={
                each: self._progress[each] for each in needs.progress if each in self._progress
            },
        )

    def _save(self, changes: Changes) -> None:
        for account in changes.accounts:
            if account.id not in self._accounts:
                self._id_of[account.id] = self._id_of[account.number] = account.id
                insort(self._accounts_of.setdefault(account.owner_id, []), account.id)
                self._lines[account.id] = []
            self._accounts[account.id] = account
        for customer in changes.customers:
            self._customers[customer.id] = customer
        for recorded in changes.recorded:
            self._entries[recorded.entry.id] = recorded
            for line in recorded.lines:
                self._lines[line.account_id].append(line)
        for progress in changes.progress:
            self._keep_progress(progress)
        for entry_ref in changes.entry_refs:
            keys, key = (
                self._entry_refs[entry_ref.of_id, entry_ref.kind],
                (entry_ref.at, entry_ref.entry_id),
            )
            if keys and key < keys[-1]:
                insort(keys, key)
            else:
                keys.append(key)

    def _keep_progress(self, progress: Progress) -> None:
        kept = self._progress.get(progress.entry_id)
        if kept is not None and kept.due_at is not None:
            del self._due[bisect_left(self._due, (kept.due_at, kept.entry_id))]
        if progress.due_at is not None:
            insort(self._due, (progress.due_at, progress.entry_id))
        self._progress[progress.entry_id] = progress


class InMemoryUserStore(Imaged, UserStore):
    """The users in memory, for one process."""

    def __init__(
        self, journal: InMemoryJournal | None = None, lock: FairLock | None = None
    ) -> None:
        """Begin empty; new events go to the outbox of `journal`, or of a journal of its own."""
        self.journal = journal or InMemoryJournal()
        self._lock = lock or FairLock()
        self._users: dict[str, User] = {}
        self._key_owners: dict[str, str] = {}
        self._events: dict[str, Event] = {}
        self._ids: list[str] = []
        self._id_of: dict[str, str] = {}

    def put(self, users: Iterable[User], events: Sequence[Event] = ()) -> list[PutStatus]:
        with self._lock:
            self.journal.check_room()
            statuses = []
            for user in users:
                statuses.append(self._status(user))
                if statuses[-1] is PutStatus.SAVED:
                    self._save(user)
            if all(status is PutStatus.SAVED for status in statuses):
                self._events.update((event.id, event) for event in events)
                self.journal.add(events)
        return statuses

    def restore(self, users: Sequence[User], events: Sequence[Event] = ()) -> None:
        with self._lock:
            for user in users:
                self._save(user)
            self._events.update((event.id, event) for event in events)
            self.journal.add_sealed(events)

    def users(self, ids: Iterable[str]) -> dict[str, User]:
        with self._lock:
            return {each: self._users[each] for each in ids if each in self._users}

    def user_named(self, username_key: str) -> User | None:
        with self._lock:
            user_id = self._id_of.get(username_key)
            return None if user_id is None else self._users[user_id]

    def key_owners(self, hashes: Iterable[str]) -> dict[str, str]:
        with self._lock:
            return {each: self._key_owners[each] for each in hashes if each in self._key_owners}

    def users_after(self, user_id: str, *, limit: int) -> list[User]:
        with self._lock:
            start = bisect_right(self._ids, user_id)
            return [self._users[each] for each in self._ids[start : start + limit]]

    def sessions(self) -> Sessions:
        """Return the sessions of each user that has some; the lock is held meanwhile."""
        return {(each.id, each.username): each.sessions for each in self._users.values()}

    def keep_sessions(self, sessions: Sessions) -> None:
        """Give the users sessions that they had; the lock is held meanwhile."""
        for user in self._users.values():
            kept = sessions.get((user.id, user.username))
            if kept is not None:
                self._users[user.id] = replace(user, sessions=kept)

    def events(self, ids: Iterable[str]) -> dict[str, Event]:
        with self._lock:
            return {each: self._events[each] for each in ids if each in self._events}

    def _status(self, user: User) -> PutStatus:
        kept = self._users.get(user.id)
        if (kept.version if kept else 0) != user.version - 1:
            return PutStatus.VERSION_CONFLICT
        if any(self._id_of.get(key, user.id) != user.id for key in user.unique_keys):
            return PutStatus.USERNAME_TAKEN
        return PutStatus.SAVED

    def _save(self, user: User) -> None:
        kept = self._users.get(user.id)
        if kept is None:
            insort(self._ids, user.id)
        else:
            for key in kept.unique_keys:
                self._id_of.pop(key, None)
            for api_key in kept.api_keys:
                self._key_owners.pop(api_key.hash, None)
        self._key_owners |= {each.hash: user.id for each in user.api_keys}
        self._id_of |= dict.fromkeys(user.unique_keys, user.id)
        self._users[user.id] = user


def _number(line: Line) -> int:
    return line.number


def _at(line: Line) -> datetime:
    return line.at
