"""AccountCollection: checks permissions and ownership, then submits actions to the ledger."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from msgspec import UNSET
from msgspec.structs import replace

from accounts_bank.collections.account_changes import Expected, change
from accounts_bank.collections.approvals import Approvals, FourEyes
from accounts_bank.collections.bulk import BulkDetails, Payment, transfer_all
from accounts_bank.collections.client import (
    Clock,
    EntryDetails,
    LedgerClient,
    NewId,
    OnDue,
    OnSaved,
    PagePosition,
    raise_refusal,
    refuse_own,
    with_time_of,
)
from accounts_bank.collections.holds import Holds
from accounts_bank.collections.permissions import Permission, may
from accounts_bank.collections.reversals import Reversals
from accounts_bank.collections.schedules import Schedules
from accounts_bank.collections.search import Search
from accounts_bank.collections.statements import (
    Statement,
    balance_at,
    draw_up,
    line_pages,
    totals_before,
)
from accounts_bank.errors import Forbidden, NotFound
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import (
    Action,
    BulkMode,
    CloseAccount,
    Deposit,
    FreezeAccount,
    Leave,
    OpenAccount,
    SetCreditLimit,
    SetDailyLimit,
    Transfer,
    UnfreezeAccount,
    Withdrawal,
)
from accounts_bank.ledger.entries import Needs, Outcome
from accounts_bank.ledger.iban import canonical
from accounts_bank.ledger.values import BANK_ID, Account, Line, Metadata, Period
from accounts_bank.stores.base import AccountStore


class AccountCollection:
    """The accounts of the bank, their holds and schedules, and the money on them.

    Amounts are in minor units of the account's currency. `name` is the id or the number of an
    account. Every method may raise `Unavailable` if the store does not answer.
    """

    def __init__(  # noqa: PLR0913 - everything it needs enters here
        self,
        store: AccountStore,
        *,
        clock: Clock,
        new_id: NewId,
        on_saved: OnSaved,
        customer_cash: bool,
        till: int = 0,
        on_due: OnDue = lambda _at: None,
        four_eyes: FourEyes = FourEyes(),  # noqa: B008 - it is frozen
    ) -> None:
        """Take the store, the clock and the settings.

        :param on_saved: called after each write with the number of entries; wakes the sealer.
        :param customer_cash: whether customers may pay cash into and out of their own accounts.
        :param till: the number of this process's till, the bank's cash account.
        :param on_due: called with the end of a new hold and the first run of a new schedule.
        :param four_eyes: the actions of staff that need a second person.
        """
        self._store = store
        self._client = LedgerClient(
            store, clock=clock, new_id=new_id, on_saved=on_saved, till=till, on_due=on_due
        )
        self._customer_cash = customer_cash
        self.holds = Holds(self._client)
        self.schedules = Schedules(self._client)
        self.approvals = Approvals(self._client, four_eyes)
        self.reversals = Reversals(self._client, self.entry, self.approvals)
        moved = dict.fromkeys(("deposit", "withdrawal", "transfer"), self._client.with_details)
        self.search = Search(self._client, {**moved, "hold": self.holds.with_stages})

    def open(
        self,
        caller: Caller,
        name: str,
        currency: str,
        key: str | None = None,
        metadata: Metadata | None = None,
    ) -> Account:
        """Open an account for the caller.

        :param name: the caller's own name for the account.
        :param currency: an ISO 4217 code.
        :param metadata: the pairs of the caller, or None.
        :param key: the idempotency key, a UUIDv7. Its time becomes part of the account's id, so
            ids stay in the order of their creation. A repeated key returns the first account.
        :raises Forbidden: the caller is a key that reaches its named accounts alone.
        :raises Refused: `customer_left` or `key_reused`.
        :raises Unavailable: no account number is free.
        """
        if caller.named_accounts is not None:
            raise Forbidden("This key reaches its named accounts alone. Open the account yourself.")
        entry_id = self._client.entry_id(caller, key)
        entry_id = entry_id if key is None else with_time_of(entry_id, key)
        action = OpenAccount(caller.id, name, currency, metadata or UNSET)
        entry = self._client.new_entry(entry_id, caller, action)
        (outcome,) = self._client.submit_batch((entry,), dry_run=False)
        return self._client.customer_account(raise_refusal(outcome).recorded.entry.id)

    def account(self, caller: Caller, name: str) -> Account:
        """Read an account by id or number.

        :raises NotFound: the account does not exist, or the caller may not read it.
        """
        account = self._client.customer_account(canonical(name))
        if not caller.owns(account) and not may(caller.role, Permission.READ_ALL_ACCOUNTS):
            raise NotFound
        return account

    def of(self, caller: Caller, *, after: str | None, limit: int) -> list[Account]:
        """Return a page of the caller's own accounts, oldest first.

        :param after: the id of the last account of the previous page, or None.
        :param limit: the largest number of accounts.
        """
        return self._client.own_accounts(caller, after=after, limit=limit)

    def of_customer(
        self, caller: Caller, owner_id: str, *, after: str | None, limit: int
    ) -> list[Account]:
        """Return a page of a customer's accounts, oldest first.

        :param after: the id of the last account of the previous page, or None.
        :param limit: the largest number of accounts.
        :raises NotFound: the caller is not the owner and lacks READ_ALL_ACCOUNTS.
        """
        reads_all = may(caller.role, Permission.READ_ALL_ACCOUNTS)
        if owner_id == BANK_ID or (owner_id != caller.id and not reads_all):
            raise NotFound
        return self._store.accounts_of(owner_id, after=after, limit=limit)

    def change(
        self,
        caller: Caller,
        name: str,
        is_expected: Expected | None = None,
        *,
        new_name: str | None = None,
        metadata: Metadata | None = None,
    ) -> Account:
        """Give one of the caller's accounts another name, other metadata, or both.

        Parameters and errors are as in `account_changes.change`.
        """
        return change(self._client, caller, name, is_expected, new_name, metadata)

    def close(self, caller: Caller, name: str) -> None:
        """Close one of the caller's accounts. To close it again changes nothing.

        :raises NotFound: the account does not exist, or the caller may not read it.
        :raises Forbidden: the caller may read the account and does not own it.
        :raises Refused: `holds_open`, `balance_not_zero` or `account_frozen`.
        """
        self._client.submit(
            caller, CloseAccount(self._client.own_account_id(caller, name), caller.id)
        )

    def freeze(self, caller: Caller, name: str) -> Account:
        """Stop payments from an account. To freeze it again changes nothing.

        :raises NotFound: the account does not exist, or the caller may not read it.
        :raises Forbidden: the caller lacks MANAGE_ACCOUNTS.
        :raises OwnAccount: the account is the caller's own.
        :raises Refused: `account_closed`.
        """
        return self._managed(caller, name, FreezeAccount)

    def unfreeze(self, caller: Caller, name: str) -> Account:
        """Permit payments from an account again. To unfreeze it again changes nothing.

        It raises as `freeze` does.
        """
        return self._managed(caller, name, UnfreezeAccount)

    def limit_credit(self, caller: Caller, name: str, credit_limit_minor: int) -> Account:
        """Set how far below zero the balance of an account may fall.

        It raises as `freeze` does, AwaitsApproval if a second person must grant it, and Refused
        `funds_insufficient` if the balance is lower.

        :param credit_limit_minor: the limit in minor units, 0 or more.
        """
        return self._managed(caller, name, lambda id_: SetCreditLimit(id_, credit_limit_minor))

    def limit_day(self, caller: Caller, name: str, daily_limit_minor: int | None) -> Account:
        """Set how much money may leave an account in a day of UTC.

        It raises as `freeze` does, and AwaitsApproval.

        :param daily_limit_minor: the limit in minor units; None removes it.
        """
        return self._managed(caller, name, lambda id_: SetDailyLimit(id_, daily_limit_minor))

    def leave(self, caller: Caller) -> None:
        """End the caller's relation with the bank; the caller can open no more accounts.

        :raises Refused: `accounts_open`, the caller has accounts that are not closed.
        """
        self._client.submit(caller, Leave(caller.id))

    def lines(
        self, caller: Caller, name: str, *, before: int | None, period: Period, limit: int
    ) -> list[Line]:
        """Return a page of an account's lines, newest first.

        :param before: the number of the last line of the previous page, or None.
        :param period: the lines of this period only.
        :param limit: the largest number of lines.
        :raises NotFound: the account does not exist, or the caller may not read it.
        """
        account = self.account(caller, name)
        return self._store.lines(account.id, before=before, period=period, limit=limit)

    def balance_at(self, caller: Caller, name: str, at: datetime | None) -> tuple[Account, int]:
        """Return an account and its balance in minor units at a time.

        :param at: the balance includes every line up to this time; None means now.
        :raises NotFound: the account does not exist, or the caller may not read it.
        """
        account = self.account(caller, name)
        return account, balance_at(self._store, account, at)

    def statement(self, caller: Caller, name: str, period: Period) -> Statement:
        """Draw up the statement of an account, without its lines.

        :param period: without an end, the period ends now.
        :raises NotFound: the account does not exist, or the caller may not read it.
        """
        return draw_up(self._store, self.account(caller, name), period, self._client.clock())

    def statement_pages(self, statement: Statement) -> Iterator[list[Line]]:
        """Yield the lines of a statement in pages, oldest first."""
        return line_pages(self._store, statement)

    def history(self, accounts: Sequence[Account], moments: Sequence[datetime]) -> list[int]:
        """Return the total balance of accounts of one currency before each of some moments.

        :param moments: at most `MOMENTS_MAX`, in ascending order.
        :returns: one total in minor units for each moment.
        :raises ValueError: there are too many moments.
        """
        return totals_before(self._store, accounts, moments)

    def deposit(self, caller: Caller, action: Deposit, key: str | None) -> Outcome:
        """Pay cash into an account: any with CASH_FOR_ANYONE, else one of the caller's own.

        :param key: the idempotency key; a repeated key returns the first outcome.
        :raises NotFound: the account does not exist, or the caller may not read it.
        :raises Forbidden: the caller lacks CASH_FOR_ANYONE, and the account is not the caller's
            or the bank does not permit customers to handle cash.
        :raises AwaitsApproval: a second person must grant it.
        :raises OwnAccount: the caller has CASH_FOR_ANYONE, and the account is the caller's own.
        :raises Refused: a rule of the ledger refuses it.
        """
        return self._cash(caller, action, key)

    def withdraw(self, caller: Caller, action: Withdrawal, key: str | None) -> Outcome:
        """Pay cash out of an account. Parameters and errors are as in `deposit`."""
        return self._cash(caller, action, key)

    def transfer(
        self, caller: Caller, action: Transfer, key: str | None, *, dry_run: bool = False
    ) -> Outcome:
        """Move money from one of the caller's accounts to any other account.

        :param key: the idempotency key; a repeated key returns the first outcome.
        :param dry_run: decide without saving.
        :raises NotFound: the payer's account does not exist, or the caller may not read it.
        :raises Forbidden: the caller does not own the payer's account.
        :raises Refused: a rule of the ledger refuses it.
        """
        return self._client.submit_payment(caller, action, key, dry_run=dry_run)

    def transfer_all(
        self,
        caller: Caller,
        mode: BulkMode,
        payments: Sequence[Payment],
        key: str | None,
        *,
        dry_run: bool = False,
    ) -> BulkDetails:
        """Make many transfers in one commit. Each transfer has its own outcome.

        A transfer from an account that the caller does not own is refused by itself.

        :param mode: whether one refusal refuses all transfers, or itself alone.
        :param key: the idempotency key; a repeated key returns the first outcome.
        :param dry_run: decide without saving.
        :raises Refused: `key_reused`, the key belongs to another request.
        """
        return transfer_all(self._client, caller, mode, payments, key, dry_run=dry_run)

    def entry(self, caller: Caller, kind: str, entry_id: str) -> EntryDetails:
        """Read an entry that moved money on an account that the caller may read.

        :param kind: the kind of the entry, such as `transfer`.
        :raises NotFound: there is no such entry of this kind, or the caller may not read it.
        """
        recorded = self._client.recorded_entry(kind, entry_id)
        (details,) = self._client.with_details(caller, [recorded])
        if not details.is_party and not may(caller.role, Permission.READ_ALL_ACCOUNTS):
            raise NotFound
        return details

    def transfers_of(
        self, caller: Caller, *, before: PagePosition, limit: int
    ) -> list[EntryDetails]:
        """Return a page of the transfers that the caller paid or received, newest first.

        :param before: the time and id of the last transfer of the previous page.
        :param limit: the largest number of transfers.
        """
        found = self._client.entries_of(caller, "transfer", before=before, limit=limit)
        return self._client.with_details(caller, found)

    def forget(self) -> None:
        """Forget cached values: the store holds other books now."""
        self._client.forget()

    def check(self) -> None:
        """Check that the store answers.

        :raises Unavailable: it does not.
        """
        self._store.load(Needs())

    def _managed(self, caller: Caller, name: str, action: Callable[[str], Action]) -> Account:
        """Submit an action on an account that needs MANAGE_ACCOUNTS."""
        account = self.account(caller, name)
        if not may(caller.role, Permission.MANAGE_ACCOUNTS):
            raise Forbidden("Only tellers may do this.")
        refuse_own(caller, account)
        self.approvals.submit(caller, action(account.id))
        return self._client.customer_account(account.id)

    def _cash(self, caller: Caller, action: Deposit | Withdrawal, key: str | None) -> Outcome:
        action = replace(action, account=canonical(action.account))
        if may(caller.role, Permission.CASH_FOR_ANYONE):
            account = self._client.customer_account(action.account)
            refuse_own(caller, account)
            return self.approvals.submit(caller, replace(action, account=account.id), key)
        self._client.own_account_id(caller, action.account)
        if not self._customer_cash or not may(caller.role, Permission.OWN_CASH):
            raise Forbidden("In this bank only tellers pay cash in and out.")
        return self._client.submit(caller, action, key)
