"""The overview: what somebody has, and how it came to be."""

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


class Purse(Struct, frozen=True):
    """All accounts of one currency: their sum, and what it was."""

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
        purses=purses_of(shown, bank().clock()),
        is_part=after is not None or len(found) > ACCOUNTS_SHOWN,
        after=shown[-1].id if len(found) > ACCOUNTS_SHOWN else None,
    )


def purses_of(accounts: list[Account], now: datetime) -> list[Purse]:
    """Put accounts together by currency, the one with the most accounts first."""
    by_currency = sorted(accounts, key=_currency)
    groups = [list(group) for _, group in groupby(by_currency, key=_currency)]
    open_ones = [group for group in groups if any(map(_is_open, group))]
    return [_purse(group, now) for group in sorted(open_ones, key=len, reverse=True)]


def _purse(accounts: list[Account], now: datetime) -> Purse:
    since = max(min(account.created_at for account in accounts), now - SPAN)
    return Purse(
        accounts[0].currency,
        sum(account.balance_minor for account in accounts),
        sum(map(_is_open, accounts)),
        chart_of(accounts, since, now),
    )


def _currency(account: Account) -> str:
    return account.currency


def _is_open(account: Account) -> bool:
    return account.status is not AccountStatus.CLOSED
