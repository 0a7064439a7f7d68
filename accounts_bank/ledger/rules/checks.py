"""What several rules ask. Checks answer None where nothing is wrong.

A rule asks in the order of `Status`, so the first thing wrong is the one that is told.
"""

from datetime import UTC, datetime

from msgspec.structs import replace

from accounts_bank.ledger.actions import Hold, Schedule, Transfer
from accounts_bank.ledger.entries import Entry, till_id
from accounts_bank.ledger.rules.verdicts import Books, Refusal
from accounts_bank.ledger.values import BANK_ID, Account, AccountStatus, Posting, Status

_OPEN = AccountStatus.OPEN
"""To name a member of an enum costs as much as a rule does."""

NOT_THE_CALLERS = Refusal(Status.NOT_FOUND)
"""Whether there is such an account or not, its number tells nobody but its owner."""

_FIRST_DAY = datetime(1970, 1, 1, tzinfo=UTC)


def customers(books: Books, name: str) -> Account | None:
    """Find a customer's account: the bank's own cannot be named by anybody."""
    account = books.accounts.get(name)
    return None if account is None or account.owner_id == BANK_ID else account


def payer_and_payee(
    books: Books, entry: Entry, ask: Transfer | Hold | Schedule
) -> tuple[Account, Account] | Refusal:
    """Find the two accounts of customers between which money is to go, from one of the caller's."""
    payer, payee = books.accounts.get(ask.from_account), customers(books, ask.to_account)
    if payer is None or payer.owner_id != entry.caller_id:
        return NOT_THE_CALLERS
    if payee is None:
        return Refusal(Status.ACCOUNT_UNKNOWN)
    return Refusal(Status.SAME_ACCOUNT) if payer.id == payee.id else (payer, payee)


def owners(payer: Account, payee: Account) -> tuple[str, ...]:
    """Name the customers whose accounts they are, each once."""
    one, other = payer.owner_id, payee.owner_id
    return (one,) if one == other else (one, other)


def till(books: Books, entry: Entry, currency: str) -> Account:
    """Find the bank's cash account where an entry is asked."""
    name = till_id(currency, entry.till)
    return books.accounts.get(name) or Account(
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
    """Refuse two accounts between which no money of a currency can go."""
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
    """Refuse what would leave an account below its floor."""
    shortfall_minor = amount_minor - payer.available_minor
    if shortfall_minor <= 0:
        return None
    if payer.floor_minor is None:
        return Refusal(Status.LIMIT_EXCEEDED)
    return Refusal(Status.FUNDS_INSUFFICIENT, (("shortfall_minor", shortfall_minor),))


def within_its_day(
    payer: Account, payee: Account, amount_minor: int, at: datetime
) -> Refusal | None:
    """Refuse what would pass the daily limit of an account; say what is left of it."""
    if payer.daily_limit_minor is None:
        return None
    _, spent_minor = _spent(payer, payee, at)
    left_minor = payer.daily_limit_minor - spent_minor
    if amount_minor <= left_minor:
        return None
    return Refusal(Status.LIMIT_EXCEEDED, (("left_minor", max(0, left_minor)),))


def having_spent(payer: Account, payee: Account, amount_minor: int, at: datetime) -> Account:
    """Count what leaves an account against its daily limit."""
    if payer.daily_limit_minor is None:
        return payer
    day, spent_minor = _spent(payer, payee, at)
    return replace(payer, spent_day=day, spent_minor=spent_minor + amount_minor)


def has_room(payee: Account, amount_minor: int) -> Refusal | None:
    """Refuse what would lift a balance past what can be written exactly.

    It is asked last: asked before the payer's funds, it would tell anybody the payee's balance.
    """
    if amount_minor <= payee.room_minor:
        return None
    return Refusal(Status.LIMIT_EXCEEDED)


def postings(payer: Account, payee: Account, amount_minor: int) -> tuple[Posting, Posting]:
    """Move an amount."""
    payee_number = None if payee.owner_id == BANK_ID else payee.number
    payer_number = None if payer.owner_id == BANK_ID else payer.number
    return Posting(payer, -amount_minor, payee_number), Posting(payee, amount_minor, payer_number)


def _spent(payer: Account, payee: Account, at: datetime) -> tuple[int, int]:
    """Say on which day it is spent, that of its line, and how much was before.

    No day comes back, or it would count anew.
    """
    day = (max(at, payer.moved_at, payee.moved_at) - _FIRST_DAY).days
    if day > payer.spent_day:
        return day, 0
    return payer.spent_day, payer.spent_minor
