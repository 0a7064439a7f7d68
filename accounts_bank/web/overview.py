"""The overview: the caller's accounts and totals by currency."""

from datetime import datetime
from itertools import groupby

from flask import Blueprint, Response, request
from msgspec import Struct

from accounts_bank.collections.permissions import Permission
from accounts_bank.http.bank import bank
from accounts_bank.identity import Caller
from accounts_bank.ledger.values import Account, AccountStatus
from accounts_bank.web.charts import SPAN, Chart, chart_of
from accounts_bank.web.pages import page, signed_in

overview = Blueprint("overview", __name__)

ACCOUNTS_SHOWN = 100


class CurrencyTotal(Struct, frozen=True):
    """The total balance of the accounts of one currency, now and over time."""

    currency: str
    balance_minor: int
    count: int
    chart: Chart


@overview.get("/overview")
@signed_in(Permission.READ_OWN)
def show(caller: Caller) -> Response:
    """Show the caller's accounts."""
    after = request.args.get("after") or None
    found = bank().accounts.of(caller, after=after, limit=ACCOUNTS_SHOWN + 1)
    shown = found[:ACCOUNTS_SHOWN]
    user = bank().users.user(caller)
    return page(
        "overview",
        user=user,
        accounts=[each for each in shown if each.status is not AccountStatus.CLOSED],
        closed=[each for each in shown if each.status is AccountStatus.CLOSED],
        totals=totals_of(shown, bank().clock()),
        is_part=after is not None or len(found) > ACCOUNTS_SHOWN,
        after=shown[-1].id if len(found) > ACCOUNTS_SHOWN else None,
    )


def totals_of(accounts: list[Account], now: datetime) -> list[CurrencyTotal]:
    """Return a total for each currency; the currency with most accounts is first."""
    by_currency = sorted(accounts, key=_currency)
    groups = [list(group) for _, group in groupby(by_currency, key=_currency)]
    open_ones = [group for group in groups if any(map(_is_open, group))]
    return [_total(group, now) for group in sorted(open_ones, key=len, reverse=True)]


def _total(accounts: list[Account], now: datetime) -> CurrencyTotal:
    since = max(min(account.created_at for account in accounts), now - SPAN)
    return CurrencyTotal(
        accounts[0].currency,
        sum(account.balance_minor for account in accounts),
        sum(map(_is_open, accounts)),
        chart_of(accounts, since, now),
    )


def _currency(account: Account) -> str:
    return account.currency


def _is_open(account: Account) -> bool:
    return account.status is not AccountStatus.CLOSED
