"""The form of a payment: payer, payee, amount and reference."""

from typing import Any

from flask import request
from msgspec import Struct
from msgspec.structs import replace

from accounts_bank.errors import ApiError
from accounts_bank.http.bank import bank
from accounts_bank.identity import Caller
from accounts_bank.ledger.iban import canonical, is_number
from accounts_bank.ledger.values import Account, AccountStatus
from accounts_bank.web.formats import in_fours, money
from accounts_bank.web.forms import Field, Form
from accounts_bank.web.keys import form_key, new_key
from accounts_bank.web.payment_fields import AMOUNT, REFERENCE, REFUSED_FIELDS, amount_in, explain

ACCOUNTS_OFFERED = 200

_FROM = Field(name="from_account", label="From", wrong="Choose one of your accounts.")
_TO = Field(
    name="to_account",
    label="To account number",
    hint="The payee's number, such as DE44 9990 0000 0123 4567 89.",
    maxlength=64,
)


class Payment(Struct, frozen=True):
    """The values of the form in the types of the ledger."""

    from_account: str
    to_account: str
    amount_minor: int
    currency: str
    reference: str | None


class PaymentForm:
    """The form of a payment, with further fields for a hold or a schedule."""

    def __init__(self, caller: Caller, *more: Field) -> None:
        """Read the values of the query or the form."""
        self.key = form_key() or new_key()
        found = bank().accounts.of(caller, after=None, limit=ACCOUNTS_OFFERED)
        self.accounts = [each for each in found if each.status is not AccountStatus.CLOSED]
        self.form = Form(
            replace(_FROM, choices=_choices(self.accounts)),
            replace(_TO, suggestions=_suggestions(self.accounts)),
            AMOUNT,
            REFERENCE,
            *more,
            typed=request.values,
        )

    def read(self) -> Payment | None:
        """Return the payment, or None if a field is wrong; the form shows the errors."""
        payer = self.form.read("from_account", self._payer)
        payee = self.form.read("to_account", _number)
        reference = self.form.read("reference")
        currency = payer.currency if payer else "EUR"
        amount_minor = self.form.read("amount", amount_in(currency))
        if self.form.errors:
            return None
        return Payment(payer.id, payee, amount_minor, currency, reference)

    def refuse(self, error: ApiError, currency: str) -> None:
        """Show a refusal and take a new key: a refused key stays refused."""
        self.form.refuse(error, REFUSED_FIELDS, explain(error, currency))
        self.key = new_key()

    def shown(self) -> dict[str, Any]:
        """Return the values for the template."""
        return {"form": self.form, "key": self.key, "accounts": self.accounts}

    def _payer(self, name: str) -> Account:
        for account in self.accounts:
            if canonical(name) in {account.id, account.number}:
                return account
        raise ValueError(_FROM.wrong)


def _number(text: str) -> str:
    if not text:
        raise ValueError("Type the number of the account to pay to.")
    if not is_number(text):
        raise ValueError("This is not an account number: a digit is missing, wrong or swapped.")
    return canonical(text)


def _choices(accounts: list[Account]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (each.id, f"{each.name}, {money(each.available_minor, each.currency)} available")
        for each in accounts
    )


def _suggestions(accounts: list[Account]) -> tuple[tuple[str, str], ...]:
    return tuple((in_fours(each.number), f"{each.name} ({each.currency})") for each in accounts)
