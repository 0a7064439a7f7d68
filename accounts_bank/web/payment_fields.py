"""What the forms that move money have in common: two fields, and how a refusal is told."""

from collections.abc import Callable

from flask import request

from accounts_bank.errors import ApiError
from accounts_bank.http.bank import bank
from accounts_bank.http.fields import Reference
from accounts_bank.identity import Caller
from accounts_bank.web.amounts import read_amount
from accounts_bank.web.formats import locale, money
from accounts_bank.web.forms import Field

AMOUNT = Field(
    name="amount",
    label="Amount",
    hint="In the currency of the account, such as 12.50.",
    inputmode="decimal",
    maxlength=40,
)
REFERENCE = Field(
    name="reference",
    label="Reference",
    kind=Reference,
    wrong="A reference is one line of at most 140 characters.",
    hint="It stands on the statement.",
    optional=True,
    maxlength=140,
)
BESIDE = {
    "funds_insufficient": "amount",
    "limit_exceeded": "amount",
    "account_unknown": "to_account",
    "account_closed": "to_account",  # one's own is not offered any more
    "same_account": "to_account",
    "currency_mismatch": "to_account",
    "account_frozen": "from_account",
    "not_found": "from_account",
}
"""DerivedCheck which field a refusal stands, by its code."""


def amount_in(currency: str) -> Callable[[str], int]:
    """Read amounts of a currency, as the visitor writes them."""
    return lambda text: read_amount(text, currency, locale())


def count(caller: Caller) -> None:
    """Count a call that moves money.

    :raises TooManyRequests: there were too many.
    """
    bank().limits.money.spend(request.remote_addr or "", caller.id)


def why(error: ApiError, currency: str) -> str:
    """Tell a refusal to people, where there is more to tell than its detail."""
    if error.code == "funds_insufficient":
        missing = money(int(str(error.extra["shortfall_minor"])), currency)
        return f"The account does not hold enough: {missing} are missing."
    if error.code == "limit_exceeded" and "left_minor" in error.extra:
        left = money(int(str(error.extra["left_minor"])), currency)
        return f"The limit leaves {left} for today."
    if error.code == "key_reused":
        return "This form has done something else already. Send it again if you mean this too."
    return error.detail
