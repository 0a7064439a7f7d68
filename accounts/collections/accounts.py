"""AccountCollection: who may ask what of the ledger. What comes of it, the ledger decides."""

from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from accounts.collections.statements import Statement, drawn_up, pages
from accounts.errors import Forbidden, NotFound, PreconditionFailed, Refused, Unavailable
from accounts.identity import Caller, Role
from accounts.ledger.actions import (
    Action,
    CloseAccount,
    Deposit,
    Leave,
    OpenAccount,
    RenameAccount,
    Transfer,
    Withdrawal,
)
from accounts.ledger.decide import decide
from accounts.ledger.entries import Entry, Needs, Outcome, Recorded, needs
from accounts.ledger.numbers import canonical
from accounts.ledger.values import BANK_ID, Account, Line, Period, Status
from accounts.stores.base import AccountStore

READS_ALL = frozenset({Role.TELLER, Role.AUDITOR})
"""Who may look at everybody's accounts."""

OWNERS_MAX = 100_000
"""For how many accounts it is remembered whose they are."""

Clock = Callable[[], datetime]
NewId = Callable[[], str]
Expected = Callable[[Account], bool]
"""Tells whether an account is still as the caller knows it."""


class Seen(Struct, frozen=True):
    """An entry that was recorded, and for each of its lines whether the account is the caller's."""

    recorded: Recorded
    own_lines: tuple[bool, ...]

    @property
    def is_party(self) -> bool:
        """Whether money moved on an account of the caller's."""
        return any(self.own_lines)


class AccountCollection:
    """The accounts of the bank, and the money on them."""

    def __init__(  # noqa: PLR0913 - everything it needs enters here
        self,
        store: AccountStore,
        *,
        clock: Clock,
        new_id: NewId,
        saved: Callable[[], None],
        customer_cash: bool,
        till: int = 0,
    ) -> None:
        """Join what it needs.

        `saved` is called after each write, so that the audit log can follow; `customer_cash` lets
        customers pay in and out themselves; `till` is this process's cash desk.
        """
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._saved = saved
        self._customer_cash = customer_cash
        self._till = till
        self._owners: dict[str, tuple[str, str]] = {}

    def open(self, caller: Caller, name: str, currency: str) -> Account:
        """Open an account for the caller.

        :raises Refused: `customer_left`, or `numbers_exhausted`.
        """
        outcome = self._append(caller, OpenAccount(caller.id, name, currency))
        return self._found(outcome.recorded.entry.id)

    def account(self, caller: Caller, name: str) -> Account:
        """Read an account by id or number.

        :raises NotFound: there is none that the caller may see.
        """
        account = self._found(canonical(name))
        if account.owner_id != caller.id and caller.role not in READS_ALL:
            raise NotFound
        return account

    def of(self, caller: Caller, *, after: str | None, limit: int) -> list[Account]:
        """Give the caller's own accounts with ids above `after`, the oldest first."""
        return self._store.accounts_of(caller.id, after=after, limit=limit)

    def rename(
        self, caller: Caller, name: str, new_name: str, is_expected: Expected | None = None
    ) -> Account:
        """Give one of the caller's accounts another name, where it is still as expected.

        The ledger compares the name once more as it renames: of two who race, one wins.

        :raises NotFound: it is not the caller's.
        :raises PreconditionFailed: it is not as expected.
        :raises Refused: `account_closed`, or `precondition_failed` where somebody was faster.
        """
        account = self._found(self._own(caller, name))
        if is_expected is None:
            self._append(caller, RenameAccount(account.id, new_name))
        elif is_expected(account):
            self._append(caller, RenameAccount(account.id, new_name, account.name))
        else:
            raise PreconditionFailed
        return self._found(account.id)

    def close(self, caller: Caller, name: str) -> None:
        """Close one of the caller's accounts; to close it again changes nothing.

        :raises NotFound: it is not the caller's.
        :raises Refused: `holds_open`, `balance_not_zero` or `account_frozen`.
        """
        self._append(caller, CloseAccount(self._own(caller, name), caller.id))

    def leave(self, caller: Caller) -> None:
        """End the ledger's relation with the caller.

        :raises Refused: `accounts_open`.
        """
        self._append(caller, Leave(caller.id))

    def lines(
        self, caller: Caller, name: str, *, before: int | None, period: Period, limit: int
    ) -> list[Line]:
        """Give an account's lines of a period, numbered below `before`, the newest first.

        :raises NotFound: there is no such account that the caller may see.
        """
        account = self.account(caller, name)
        return self._store.lines(account.id, before=before, period=period, limit=limit)

    def balance_at(self, caller: Caller, name: str, at: datetime | None) -> tuple[Account, int]:
        """Say what the balance of an account was after all that happened up to `at`, or is now.

        :raises NotFound: there is no such account that the caller may see.
        """
        account = self.account(caller, name)
        if at is None:
            return account, account.balance_minor
        end = datetime.max.replace(tzinfo=at.tzinfo)
        period = Period(until=at + datetime.resolution if at < end else None)
        lines = self._store.lines(account.id, before=None, period=period, limit=1)
        return account, lines[0].balance_minor if lines else 0

    def statement(self, caller: Caller, name: str, period: Period) -> Statement:
        """Draw up the statement of an account; without an end, the period ends now.

        :raises NotFound: there is no such account that the caller may see.
        """
        return drawn_up(self._store, self.account(caller, name), period, self._clock())

    def statement_pages(self, statement: Statement) -> Iterator[list[Line]]:
        """Give the lines of a statement, the oldest first, a page at a time."""
        return pages(self._store, statement)

    def deposit(self, caller: Caller, ask: Deposit, key: str | None) -> Outcome:
        """Pay cash into an account: a teller into any, a customer into its own.

        :raises NotFound: there is no such account that the caller may use.
        :raises Forbidden: customers do not handle cash in this bank.
        :raises Refused: a rule says no.
        """
        return self._cash(caller, ask, key)

    def withdraw(self, caller: Caller, ask: Withdrawal, key: str | None) -> Outcome:
        """Pay cash out of an account: a teller out of any, a customer out of its own.

        :raises NotFound: there is no such account that the caller may use.
        :raises Forbidden: customers do not handle cash in this bank.
        :raises Refused: a rule says no.
        """
        return self._cash(caller, ask, key)

    def transfer(
        self, caller: Caller, ask: Transfer, key: str | None, *, dry_run: bool = False
    ) -> Outcome:
        """Move money from one of the caller's accounts to any other account.

        A dry run decides the same and saves nothing.

        :raises NotFound: the account to pay from is not the caller's.
        :raises Refused: a rule says no.
        """
        ask = replace(
            ask, from_account=canonical(ask.from_account), to_account=canonical(ask.to_account)
        )
        self._own(caller, ask.from_account)
        return self._append(caller, ask, key, dry_run=dry_run)

    def entry(self, caller: Caller, kind: str, entry_id: str) -> Seen:
        """Read an entry that moved money on an account the caller may see.

        :raises NotFound: there is none of that kind.
        """
        recorded = self._store.entry(entry_id.lower())
        if (
            recorded is None
            or recorded.entry.kind != kind
            or recorded.status is not Status.RECORDED
        ):
            raise NotFound
        (seen,) = self._seen_by(caller, [recorded])
        if not seen.is_party and caller.role not in READS_ALL:
            raise NotFound
        return seen

    def transfers_of(
        self, caller: Caller, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[Seen]:
        """Give the transfers that the caller paid or received, the newest first."""
        return self._seen_by(
            caller,
            self._store.entries_of(caller.id, "transfer", before=before, limit=limit),
        )

    def check(self) -> None:
        """Ask the store whether it answers.

        :raises Unavailable: it does not.
        """
        self._store.load(Needs())

    def _seen_by(self, caller: Caller, entries: list[Recorded]) -> list[Seen]:
        ids = frozenset(line.account_id for recorded in entries for line in recorded.lines)
        accounts = self._store.load(Needs(accounts=ids)).accounts
        return [
            Seen(
                recorded,
                tuple(accounts[line.account_id].owner_id == caller.id for line in recorded.lines),
            )
            for recorded in entries
        ]

    def _cash(self, caller: Caller, ask: Deposit | Withdrawal, key: str | None) -> Outcome:
        ask = replace(ask, account=canonical(ask.account))
        if caller.role is Role.TELLER:
            self._found(ask.account)
        else:
            self._own(caller, ask.account)
            if not self._customer_cash:
                raise Forbidden("In this bank only tellers take and give cash.")
        return self._append(caller, ask, key)

    def _append(
        self, caller: Caller, action: Action, key: str | None = None, *, dry_run: bool = False
    ) -> Outcome:
        entry_id = self._new_id() if key is None else keyed_id(caller.id, key)
        entry = Entry(entry_id, caller.id, self._clock(), action, self._till)
        if dry_run:
            (outcome,) = decide(self._store.load(needs((entry,))), (entry,)).outcomes
        else:
            (outcome,) = self._store.append((entry,))
            self._saved()
        if outcome.status is Status.NUMBERS_EXHAUSTED:
            raise Unavailable("No account number is free.")
        if outcome.status is not Status.RECORDED:
            raise Refused(outcome)
        return outcome

    def _own(self, caller: Caller, name: str) -> str:
        """Give the id of an account of the caller's.

        Whose an account is never changes, so it is asked of the store once.
        """
        name = canonical(name)
        account_id, owner_id = self._owners.get(name) or self._asked_owner(name)
        if owner_id != caller.id:
            raise NotFound
        return account_id

    def _asked_owner(self, name: str) -> tuple[str, str]:
        account = self._found(name)
        if len(self._owners) >= OWNERS_MAX:
            self._owners = {}
        self._owners[name] = account.id, account.owner_id
        return self._owners[name]

    def _found(self, name: str) -> Account:
        account = self._store.account(name)
        if account is None or account.owner_id == BANK_ID:
            raise NotFound
        return account


def keyed_id(caller_id: str, key: str) -> str:
    """Give the entry id for a caller's idempotency key: a UUID of version 8 (RFC 9562, 5.8).

    It is made from SHA-256 of both, so that a retry has the id of the first try in any process.
    """
    hexes = sha256(f"{len(caller_id)}:{caller_id}:{key}".encode()).hexdigest()
    variant = "89ab"[int(hexes[16], 16) % 4]
    return f"{hexes[:8]}-{hexes[8:12]}-8{hexes[13:16]}-{variant}{hexes[17:20]}-{hexes[20:32]}"
