"""Budgets: the amount that a key for programs may still pay or hold on a day.

A key with a daily limit has one account of the bank for each currency. No money moves on it: its
limit and its spending are those of the key. So each store loads, locks and saves it as any account,
in the commit of the payment.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from accounts_bank.ledger.checks import with_spending, within_daily_limit
from accounts_bank.ledger.values import BANK_ID, Account
from accounts_bank.ledger.verdicts import Refusal

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books


class KeyUse(Struct, frozen=True, gc=False, omit_defaults=True):
    """The key with which a program makes an entry, and its daily limit in minor units."""

    id: str
    daily_limit_minor: int | None = None


class Paying(Protocol):
    """An action that takes money from an account in a currency, made by a key or by a person."""

    @property
    def currency(self) -> str: ...
    @property
    def key(self) -> KeyUse | UnsetType: ...


def budget_id(action: Paying) -> str | None:
    """Return the id of the budget that an action touches; None without a daily limit."""
    key = action.key
    if key is UNSET or key.daily_limit_minor is None:
        return None
    return f"key-{key.id}-{action.currency.lower()}"


def budget(books: "Books", action: Paying, at: datetime) -> Account | None:
    """Find the budget of an action; open it at its first use. None without a daily limit."""
    name = budget_id(action)
    if name is None or action.key is UNSET:
        return None
    found = books.account(name) or Account(
        id=name,
        number=name,
        owner_id=BANK_ID,
        name="Budget of a key",
        currency=action.currency,
        created_at=at,
        moved_at=at,
        floor_minor=None,
    )
    return replace(found, daily_limit_minor=action.key.daily_limit_minor)


def within_budget(
    budget: Account | None, payer: Account, amount_minor: int, at: datetime
) -> Refusal | None:
    """Refuse an amount that would exceed a budget; the details give the rest of it."""
    return None if budget is None else within_daily_limit(budget, payer, amount_minor, at)


def spent(
    budget: Account | None, payer: Account, amount_minor: int, at: datetime
) -> Account | None:
    """Return a budget after an amount counts against it."""
    return None if budget is None else with_spending(budget, payer, amount_minor, at)
