"""Checks: the parts that the rules of several actions share.

A check returns a refusal, or None if the entry passes. A rule makes its checks in the order of
`Status`, so that the same mistake gets the same answer from every action.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from accounts_bank.ledger.values import BANK_ID, Account, AccountStatus, Posting, Status
from accounts_bank.ledger.verdicts import Refusal

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry

_OPEN = AccountStatus.OPEN
"""A name of its own: to read a member of an enum takes as long as the whole check."""

NOT_THE_CALLERS = Refusal(Status.NOT_FOUND)
"""The answer for an account of another customer and for one that does not exist.

The two are the same, so that a number does not tell other customers whether an account exists.
"""

_FIRST_DAY = datetime(1970, 1, 1, tzinfo=UTC)


def account_of_customer(books: "Books", name: str) -> Account | Refusal:
    """Find a customer's account by id or number; the bank's own accounts count as unknown."""
    account = books.account(name)
    if account is None or account.owner_id == BANK_ID:
        return Refusal(Status.ACCOUNT_UNKNOWN)
    return account


def payer_and_payee(
    books: "Books", entry: "Entry", from_account: str, to_account: str
) -> tuple[Account, Account] | Refusal:
    """Find the accounts of a payment: one of the caller's, and one of any customer."""
    payer, payee = books.account(from_account), books.account(to_account)
    if payer is None or payer.owner_id != entry.caller_id:
        return NOT_THE_CALLERS
    if payee is None or payee.owner_id == BANK_ID:
        return Refusal(Status.ACCOUNT_UNKNOWN)
    return Refusal(Status.SAME_ACCOUNT) if payer.id == payee.id else (payer, payee)


def owner_ids(payer: Account, payee: Account) -> tuple[str, ...]:
    """Return the ids of the customers that own two accounts, each id once."""
    one, other = payer.owner_id, payee.owner_id
    return (one,) if one == other else (one, other)


def till_id(currency: str, till: int) -> str:
    """Return the id of the bank's cash account for a currency (ISO 4217) at one till."""
    return f"till-{currency.lower()}-{till}"


def till_of(action: Any, entry: "Entry") -> tuple[str]:
    """Return the id of the till that an action touches: that of its currency and its entry."""
    return (till_id(action.currency, entry.till),)


def till(books: "Books", entry: "Entry", currency: str) -> Account:
    """Find the bank's cash account at the till of an entry; open it at its first use."""
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


def not_closed(account: Account) -> Refusal | None:
    """Refuse a closed account."""
    return Refusal(Status.ACCOUNT_CLOSED) if account.status is AccountStatus.CLOSED else None


def not_frozen(account: Account) -> Refusal | None:
    """Refuse a frozen account."""
    return Refusal(Status.ACCOUNT_FROZEN) if account.status is AccountStatus.FROZEN else None


def same_currency(account: Account, currency: str) -> Refusal | None:
    """Refuse an account that is kept in another currency."""
    return Refusal(Status.CURRENCY_MISMATCH) if account.currency != currency else None


def may_pay(payer: Account, payee: Account, currency: str) -> Refusal | None:
    """Refuse two accounts if the status or the currency of one of them rules a payment out."""
    if payer.status is _OPEN is payee.status and payer.currency == currency == payee.currency:
        return None
    return (
        not_closed(payer)
        or not_closed(payee)
        or not_frozen(payer)
        or same_currency(payer, currency)
        or same_currency(payee, currency)
    )


def covers(payer: Account, amount_minor: int) -> Refusal | None:
    """Refuse an amount that would take an account below its floor."""
    shortfall_minor = amount_minor - payer.available_minor
    if shortfall_minor <= 0:
        return None
    if payer.floor_minor is None:
        return Refusal(Status.LIMIT_EXCEEDED)
    return Refusal(Status.FUNDS_INSUFFICIENT, (("shortfall_minor", shortfall_minor),))


def within_daily_limit(
    payer: Account, payee: Account, amount_minor: int, at: datetime
) -> Refusal | None:
    """Refuse an amount that would exceed the daily limit; the details give the rest of it."""
    if payer.daily_limit_minor is None:
        return None
    _, spent_minor = _spent(payer, payee, at)
    left_minor = payer.daily_limit_minor - spent_minor
    if amount_minor <= left_minor:
        return None
    return Refusal(Status.LIMIT_EXCEEDED, (("left_minor", max(0, left_minor)),))


def with_spending(payer: Account, payee: Account, amount_minor: int, at: datetime) -> Account:
    """Return the payer after an amount counts against its daily limit."""
    if payer.daily_limit_minor is None:
        return payer
    day, spent_minor = _spent(payer, payee, at)
    return replace(payer, spent_day=day, spent_minor=spent_minor + amount_minor)


def has_room(payee: Account, amount_minor: int) -> Refusal | None:
    """Refuse an amount that would lift a balance past the largest exact number.

    It comes last: before the payer's funds, it would tell any payer the payee's balance.
    """
    if amount_minor <= payee.room_minor:
        return None
    return Refusal(Status.LIMIT_EXCEEDED)


def postings(payer: Account, payee: Account, amount_minor: int) -> tuple[Posting, Posting]:
    """Return the two postings of a payment; the bank's own accounts show no number."""
    payee_number = None if payee.owner_id == BANK_ID else payee.number
    payer_number = None if payer.owner_id == BANK_ID else payer.number
    return Posting(payer, -amount_minor, payee_number), Posting(payee, amount_minor, payer_number)


def _spent(payer: Account, payee: Account, at: datetime) -> tuple[int, int]:
    """Return the day of the payment's line, and the amount spent on that day so far.

    The day never goes back: a day that came twice would count from zero again.
    """
    day = (max(at, payer.moved_at, payee.moved_at) - _FIRST_DAY).days
    if day > payer.spent_day:
        return day, 0
    return payer.spent_day, payer.spent_minor
