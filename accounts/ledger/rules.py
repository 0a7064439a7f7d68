"""The rules of money, one function for each action. Each is pure: a view of the books -> a verdict.

A verdict is a refusal, or the effect that the entry has. Checks answer None where nothing is wrong
and stand in the order of `Status`, so the first thing wrong is the one that is told.
"""

from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from accounts.ledger.entries import (
    CloseAccount,
    Deposit,
    Entry,
    Leave,
    OpenAccount,
    RenameAccount,
    Transfer,
    Withdrawal,
    till_id,
)
from accounts.ledger.numbers import numbers_for
from accounts.ledger.values import (
    BANK_ID,
    Account,
    AccountStatus,
    Customer,
    Posting,
    Status,
)


class Refusal(Struct, frozen=True):
    """The entry has no effect, and why; `details` are amounts in minor units, by name."""

    status: Status
    details: tuple[tuple[str, int], ...] = ()


class Effect(Struct, frozen=True):
    """What the entry does: money moved, and accounts or customers as they will be."""

    postings: tuple[Posting, ...] = ()
    account: Account | None = None
    customer: Customer | None = None


Verdict = Refusal | Effect


class Books(Protocol):
    """What a rule may look at."""

    def account(self, name: str) -> Account | None:
        """Find an account by id or number."""

    def customer(self, customer_id: str) -> Customer:
        """Find what is known of a customer; one never seen has no accounts."""


def open_account(books: Books, entry: Entry, ask: OpenAccount) -> Verdict:
    """Open an account under the first of its candidate numbers that is free."""
    customer = books.customer(ask.owner_id)
    if customer.left:
        return Refusal(Status.CUSTOMER_LEFT)
    free = [number for number in numbers_for(entry.id) if books.account(number) is None]
    if not free:
        return Refusal(Status.NUMBERS_EXHAUSTED)
    opened = Account(
        id=entry.id,
        number=free[0],
        owner_id=ask.owner_id,
        name=ask.name,
        currency=ask.currency,
        created_at=entry.at,
        moved_at=entry.at,
    )
    return Effect(
        account=opened, customer=replace(customer, open_accounts=customer.open_accounts + 1)
    )


def rename_account(books: Books, _entry: Entry, ask: RenameAccount) -> Verdict:
    """Rename an account that is not closed."""
    account = _customers(books, ask.account)
    if account is None:
        return Refusal(Status.ACCOUNT_UNKNOWN)
    if ask.expected_name not in {None, account.name}:
        return _not_closed(account) or Refusal(Status.PRECONDITION_FAILED)
    return _not_closed(account) or Effect(account=replace(account, name=ask.name))


def close_account(books: Books, _entry: Entry, ask: CloseAccount) -> Verdict:
    """Close an account that holds nothing; one that is closed stays closed."""
    account = _customers(books, ask.account)
    if account is None:
        return Refusal(Status.ACCOUNT_UNKNOWN)
    if account.status is AccountStatus.CLOSED:
        return Effect()
    customer = books.customer(account.owner_id)
    return (
        _not_frozen(account)
        or _nothing_held(account)
        or _empty(account)
        or Effect(
            account=replace(account, status=AccountStatus.CLOSED),
            customer=replace(customer, open_accounts=customer.open_accounts - 1),
        )
    )


def leave(books: Books, _entry: Entry, ask: Leave) -> Verdict:
    """Let a customer go who has no open account; one who has left may leave again."""
    customer = books.customer(ask.owner_id)
    if customer.open_accounts:
        return Refusal(Status.ACCOUNTS_OPEN, (("open_accounts", customer.open_accounts),))
    return Effect(customer=replace(customer, left=True))


def deposit(books: Books, entry: Entry, ask: Deposit) -> Verdict:
    """Move money from the till to a customer's account."""
    account = _customers(books, ask.account)
    if account is None:
        return Refusal(Status.ACCOUNT_UNKNOWN)
    till = _till(books, entry, ask.currency)
    return (
        _not_closed(account)
        or _same_currency(account, ask.currency)
        or _move(till, account, ask.amount_minor)
    )


def withdrawal(books: Books, entry: Entry, ask: Withdrawal) -> Verdict:
    """Move money from a customer's account to the till."""
    account = _customers(books, ask.account)
    if account is None:
        return Refusal(Status.ACCOUNT_UNKNOWN)
    till = _till(books, entry, ask.currency)
    return (
        _not_closed(account)
        or _not_frozen(account)
        or _same_currency(account, ask.currency)
        or _move(account, till, ask.amount_minor)
    )


def transfer(books: Books, _entry: Entry, ask: Transfer) -> Verdict:
    """Move money between two customers' accounts."""
    payer = _customers(books, ask.from_account)
    payee = _customers(books, ask.to_account)
    if ask.from_account == ask.to_account or (payer and payee and payer.id == payee.id):
        return Refusal(Status.SAME_ACCOUNT)
    if payer is None or payee is None:
        return Refusal(Status.ACCOUNT_UNKNOWN)
    return (
        _not_closed(payer)
        or _not_closed(payee)
        or _not_frozen(payer)
        or _same_currency(payer, ask.currency)
        or _same_currency(payee, ask.currency)
        or _move(payer, payee, ask.amount_minor)
    )


def _customers(books: Books, name: str) -> Account | None:
    """Find a customer's account: the bank's own cannot be named by anybody."""
    account = books.account(name)
    return None if account is None or account.owner_id == BANK_ID else account


def _till(books: Books, entry: Entry, currency: str) -> Account:
    name = till_id(currency, entry.till)
    return books.account(name) or Account(
        id=name,
        number=name,
        owner_id=BANK_ID,
        name="Cash",
        currency=currency,
        created_at=entry.at,
        moved_at=entry.at,
        floor_minor=None,
    )


def _not_closed(account: Account) -> Refusal | None:
    return Refusal(Status.ACCOUNT_CLOSED) if account.status is AccountStatus.CLOSED else None


def _not_frozen(account: Account) -> Refusal | None:
    return Refusal(Status.ACCOUNT_FROZEN) if account.status is AccountStatus.FROZEN else None


def _same_currency(account: Account, currency: str) -> Refusal | None:
    return Refusal(Status.CURRENCY_MISMATCH) if account.currency != currency else None


def _nothing_held(account: Account) -> Refusal | None:
    if account.held_minor:
        return Refusal(Status.HOLDS_OPEN, (("held_minor", account.held_minor),))
    return None


def _empty(account: Account) -> Refusal | None:
    if account.balance_minor:
        return Refusal(Status.BALANCE_NOT_ZERO, (("balance_minor", account.balance_minor),))
    return None


def _move(payer: Account, payee: Account, amount_minor: int) -> Verdict:
    return (
        _covers(payer, amount_minor)
        or _has_room(payee, amount_minor)
        or Effect(
            postings=(
                Posting(payer, -amount_minor, _name_to_others(payee)),
                Posting(payee, amount_minor, _name_to_others(payer)),
            )
        )
    )


def _covers(payer: Account, amount_minor: int) -> Refusal | None:
    shortfall_minor = amount_minor - payer.available_minor
    if shortfall_minor <= 0:
        return None
    if payer.floor_minor is None:
        return Refusal(Status.LIMIT_EXCEEDED)
    return Refusal(Status.FUNDS_INSUFFICIENT, (("shortfall_minor", shortfall_minor),))


def _has_room(payee: Account, amount_minor: int) -> Refusal | None:
    """Refuse what would lift a balance past what can be written exactly.

    It is asked last: asked before the payer's funds, it would tell anybody the payee's balance.
    """
    if amount_minor <= payee.room_minor:
        return None
    return Refusal(Status.LIMIT_EXCEEDED)


def _name_to_others(account: Account) -> str | None:
    return None if account.owner_id == BANK_ID else account.number
