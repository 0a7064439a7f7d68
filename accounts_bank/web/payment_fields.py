"""The common parts of forms that move money: fields, rate limit and refusals."""

from collections.abc import Callable

from accounts_bank.errors import ApiError
from accounts_bank.http.fields import Reference
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
    hint="Both statements show it.",
    optional=True,
    maxlength=140,
)
REFUSED_FIELDS = {
    "funds_insufficient": "amount",
    "limit_exceeded": "amount",
    "account_unknown": "to_account",
    "account_closed": "to_account",  # the form does not offer own closed accounts
    "same_account": "to_account",
    "currency_mismatch": "to_account",
    "account_frozen": "from_account",
    "not_found": "from_account",
}
"""The field beside which a refusal is shown, by its code."""


def amount_in(currency: str) -> Callable[[str], int]:
    """Return a reader of amounts of a currency in the visitor's locale."""
    return lambda text: read_amount(text, currency, locale())


def explain(error: ApiError, currency: str) -> str:
    """Return the message of a refusal for people."""
    if error.code == "funds_insufficient":
        missing = money(int(str(error.extra["shortfall_minor"])), currency)
        return f"The account does not hold enough: {missing} are missing."
    if error.code == "limit_exceeded" and "left_minor" in error.extra:
        left = money(int(str(error.extra["left_minor"])), currency)
        return f"The limit leaves {left} for today."
    if error.code == "key_reused":
        return "This form was sent before with other values. Send it again to do this too."
    return error.detail
