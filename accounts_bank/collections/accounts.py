"""AccountCollection: who may ask what of the ledger. What comes of it, the ledger decides."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from msgspec.structs import replace

from accounts_bank.collections.bulk import BulkDetails, Payment, transfer_all
from accounts_bank.collections.client import (
    Clock,
    EntryDetails,
    LedgerClient,
    NewId,
    OnSaved,
    PagePosition,
    raise_refusal,
    with_time_of,
)
from accounts_bank.collections.holds import Holds
from accounts_bank.collections.permissions import Permission, may
from accounts_bank.collections.schedules import Schedules
from accounts_bank.collections.statements import Statement, draw_up, line_pages
from accounts_bank.errors import Forbidden, NotFound, PreconditionFailed
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import (
    Action,
    BulkMode,
    CloseAccount,
    Deposit,
    FreezeAccount,
    Leave,
    OpenAccount,
    RenameAccount,
    Reversal,
    SetCreditLimit,
    SetDailyLimit,
    Transfer,
    UnfreezeAccount,
    Withdrawal,
)
from accounts_bank.ledger.entries import Needs, Outcome
from accounts_bank.ledger.iban import canonical
from accounts_bank.ledger.values import BANK_ID, Account, Line, Period
from accounts_bank.stores.base import AccountStore

MOMENTS_MAX = 100
"""At how many moments a balance is asked for at once."""

Expected = Callable[[Account], bool]
"""Tells whether an account is still as the caller knows it."""


class AccountCollection:
    """The accounts of the bank, and the money on them."""

    def __init__(  # noqa: PLR0913 - everything it needs enters here
        self,
        store: AccountStore,
        *,
        clock: Clock,
        new_id: NewId,
        on_saved: OnSaved,
        customer_cash: bool,
        till: int = 0,
    ) -> None:
        """Take the store, the clock and the settings.

        :param on_saved: called after each write with the number of entries; wakes the sealer.
        :param customer_cash: whether customers may pay cash into and out of their own accounts.
        :param till: the number of this process's till, the bank's cash account.
        """
        self._store = store
        self._client = LedgerClient(store, clock=clock, new_id=new_id, on_saved=on_saved, till=till)
        self._customer_cash = customer_cash
        self.holds = Holds(self._client)
        self.schedules = Schedules(self._client)

    def open(self, caller: Caller, name: str, currency: str, key: str | None = None) -> Account:
        """Open an account for the caller; with the same key and the same wish, only once.

        The key is a UUIDv7: its time stands in the account's id, and so accounts stay in order.

        :raises Refused: `customer_left`, `key_reused` or `numbers_exhausted`.
        """
        entry_id = self._client.entry_id(caller, key)
        entry_id = entry_id if key is None else with_time_of(entry_id, key)
        entry = self._client.new_entry(entry_id, caller, OpenAccount(caller.id, name, currency))
        (outcome,) = self._client.submit_batch((entry,), dry_run=False)
        return self._client.customer_account(raise_refusal(outcome).recorded.entry.id)

    def account(self, caller: Caller, name: str) -> Account:
        """Read an account by id or number.

        :raises NotFound: there is none that the caller may see.
        """
        account = self._client.customer_account(canonical(name))
        if account.owner_id != caller.id and not may(caller.role, Permission.READ_ALL_ACCOUNTS):
            raise NotFound
        return account

    def of(self, caller: Caller, *, after: str | None, limit: int) -> list[Account]:
        """Give the caller's own accounts with ids above `after`, the oldest first."""
        return self._store.accounts_of(caller.id, after=after, limit=limit)

    def of_customer(
        self, caller: Caller, owner_id: str, *, after: str | None, limit: int
    ) -> list[Account]:
        """Give anybody's accounts with ids above `after` to the staff, the oldest first.

        :raises NotFound: they are not for the caller to see.
        """
        reads_all = may(caller.role, Permission.READ_ALL_ACCOUNTS)
        if owner_id == BANK_ID or (owner_id != caller.id and not reads_all):
            raise NotFound
        return self._store.accounts_of(owner_id, after=after, limit=limit)

    def rename(
        self, caller: Caller, name: str, new_name: str, is_expected: Expected | None = None
    ) -> Account:
        """Give one of the caller's accounts another name, where it is still as expected.

        The ledger compares the name once more as it renames: of two who race, one wins.

        :raises NotFound: there is no such account that the caller may see.
        :raises Forbidden: it is somebody else's, and the caller may only see it.
        :raises PreconditionFailed: it is not as expected.
        :raises Refused: `account_closed`, or `precondition_failed` where somebody was faster.
        """
        account = self._client.customer_account(self._client.own_account_id(caller, name))
        if is_expected is None:
            self._client.submit(caller, RenameAccount(account.id, new_name))
        elif is_expected(account):
            self._client.submit(caller, RenameAccount(account.id, new_name, account.name))
        else:
            raise PreconditionFailed
        return self._client.customer_account(account.id)

    def close(self, caller: Caller, name: str) -> None:
        """Close one of the caller's accounts; to close it again changes nothing.

        :raises NotFound: there is no such account that the caller may see.
        :raises Forbidden: it is somebody else's, and the caller may only see it.
        :raises Refused: `holds_open`, `balance_not_zero` or `account_frozen`.
        """
        self._client.submit(
            caller, CloseAccount(self._client.own_account_id(caller, name), caller.id)
        )

    def freeze(self, caller: Caller, name: str) -> Account:
        """Let no money out of an account. To freeze it again changes nothing.

        :raises NotFound: there is no such account that the caller may see.
        :raises Forbidden: the caller is no teller.
        :raises Refused: `account_closed`.
        """
        return self._managed(caller, name, FreezeAccount)

    def unfreeze(self, caller: Caller, name: str) -> Account:
        """Let money out of an account again. To unfreeze it again changes nothing.

        It raises what `freeze` does.
        """
        return self._managed(caller, name, UnfreezeAccount)

    def limit_credit(self, caller: Caller, name: str, credit_limit_minor: int) -> Account:
        """Let an account go below zero by so much and no more.

        It raises what `freeze` does, and Refused `funds_insufficient` where more is owed already.
        """
        return self._managed(caller, name, lambda each: SetCreditLimit(each, credit_limit_minor))

    def limit_day(self, caller: Caller, name: str, daily_limit_minor: int | None) -> Account:
        """Let no more than so much leave an account in a day of UTC; None lifts the limit.

        It raises what `freeze` does.
        """
        return self._managed(caller, name, lambda each: SetDailyLimit(each, daily_limit_minor))

    def leave(self, caller: Caller) -> None:
        """End the ledger's relation with the caller.

        :raises Refused: `accounts_open`.
        """
        self._client.submit(caller, Leave(caller.id))

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
        return draw_up(self._store, self.account(caller, name), period, self._client.clock())

    def statement_pages(self, statement: Statement) -> Iterator[list[Line]]:
        """Give the lines of a statement, the oldest first, a page at a time."""
        return line_pages(self._store, statement)

    def history(self, accounts: Sequence[Account], moments: Sequence[datetime]) -> list[int]:
        """Say what accounts of one currency held together before each of a few moments.

        The moments go up. An account that has not moved since the first one need not be read.
        """
        if len(moments) > MOMENTS_MAX:
            raise ValueError(f"{len(moments)} moments are more than {MOMENTS_MAX}")
        still = [each for each in accounts if each.moved_at < moments[0]]
        moved = [each.id for each in accounts if each.moved_at >= moments[0]]
        rest_minor = sum(each.balance_minor for each in still)
        return [rest_minor + each for each in self._store.total_before(moved, moments)]

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

        :raises NotFound: there is no such account to pay from that the caller may see.
        :raises Forbidden: it is somebody else's, and the caller may only see it.
        :raises Refused: a rule says no.
        """
        return self._client.submit_payment(caller, ask, key, dry_run=dry_run)

    def transfer_all(
        self,
        caller: Caller,
        mode: BulkMode,
        payments: Sequence[Payment],
        key: str | None,
        *,
        dry_run: bool = False,
    ) -> BulkDetails:
        """Move money as many transfers say, in one commit; each has its own outcome.

        An account to pay from that is not the caller's is the refusal of that transfer.

        :raises Refused: `key_reused`.
        """
        return transfer_all(self._client, caller, mode, payments, key, dry_run=dry_run)

    def reverse(  # noqa: PLR0913 - which, how much, and how to take it
        self,
        caller: Caller,
        transfer_id: str,
        key: str | None,
        *,
        amount_minor: int | None = None,
        reference: str | None = None,
        dry_run: bool = False,
    ) -> EntryDetails:
        """Send back what a transfer brought, or `amount_minor` of what is left of it.

        :raises NotFound: there is no such transfer that the caller may see.
        :raises Forbidden: the caller is neither its payee nor a teller.
        :raises Refused: a rule says no.
        """
        sent = self.entry(caller, "transfer", transfer_id)
        paid, received = sent.recorded.lines
        if not self.may_reverse(caller, sent):
            raise Forbidden("Only its payee and tellers reverse a transfer.")
        ask = Reversal(
            transfer_id=sent.recorded.entry.id,
            from_account=received.account_id,
            to_account=paid.account_id,
            amount_minor=amount_minor,
            reference=reference,
        )
        outcome = self._client.submit(caller, ask, key, dry_run=dry_run)
        (seen,) = self._client.with_details(caller, [outcome.recorded])
        return replace(seen, replayed=outcome.replayed)

    def may_reverse(self, caller: Caller, transfer: EntryDetails) -> bool:
        """Return whether a caller that may read a transfer may also reverse it."""
        return transfer.own_lines[1] or may(caller.role, Permission.REVERSE_ANY)

    def reversals_of(
        self, caller: Caller, transfer_id: str, *, before: PagePosition, limit: int
    ) -> list[EntryDetails]:
        """Give the reversals of a transfer, the newest first.

        :raises NotFound: there is no such transfer that the caller may see.
        """
        sent = self.entry(caller, "transfer", transfer_id).recorded.entry.id
        found = self._store.entries_of(sent, "reversal", before=before, limit=limit)
        return self._client.with_details(caller, found)

    def entry(self, caller: Caller, kind: str, entry_id: str) -> EntryDetails:
        """Read an entry that moved money on an account the caller may see.

        :raises NotFound: there is none of that kind.
        """
        (seen,) = self._client.with_details(caller, [self._client.recorded_entry(kind, entry_id)])
        if not seen.is_party and not may(caller.role, Permission.READ_ALL_ACCOUNTS):
            raise NotFound
        return seen

    def transfers_of(
        self, caller: Caller, *, before: PagePosition, limit: int
    ) -> list[EntryDetails]:
        """Give the transfers that the caller paid or received, the newest first."""
        found = self._store.entries_of(caller.id, "transfer", before=before, limit=limit)
        return self._client.with_details(caller, found)

    def check(self) -> None:
        """Ask the store whether it answers.

        :raises Unavailable: it does not.
        """
        self._store.load(Needs())

    def _managed(self, caller: Caller, name: str, ask: Callable[[str], Action]) -> Account:
        """Ask what only tellers may ask of an account."""
        account = self.account(caller, name)
        if not may(caller.role, Permission.MANAGE_ACCOUNTS):
            raise Forbidden("Only tellers do this.")
        self._client.submit(caller, ask(account.id))
        return self._client.customer_account(account.id)

    def _cash(self, caller: Caller, ask: Deposit | Withdrawal, key: str | None) -> Outcome:
        ask = replace(ask, account=canonical(ask.account))
        if may(caller.role, Permission.CASH_FOR_ANYONE):
            self._client.customer_account(ask.account)
        else:
            self._client.own_account_id(caller, ask.account)
            if not self._customer_cash:
                raise Forbidden("In this bank only tellers take and give cash.")
        return self._client.submit(caller, ask, key)
