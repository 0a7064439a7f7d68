"""A payment that is being written: from which account, to which number, how much, and what for."""

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
from accounts_bank.web.payment_fields import AMOUNT, BESIDE, REFERENCE, amount_in, why

ACCOUNTS_OFFERED = 200

_FROM = Field(name="from_account", label="From", wrong="Choose one of your accounts.")
_TO = Field(
    name="to_account",
    label="To account number",
    hint="The payee's number, such as DE44 9990 0000 0123 4567 89.",
    maxlength=64,
)


class Payment(Struct, frozen=True):
    """What was written, as the ledger takes it."""

    from_account: str
    to_account: str
    amount_minor: int
    currency: str
    reference: str | None


class Draft:
    """The form of a payment, with more fields where it is to be more than one transfer."""

    def __init__(self, caller: Caller, *more: Field) -> None:
        """Take up what was typed, by query or form."""
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
        """Read the payment; None where something is wrong, which the form says."""
        payer = self.form.read("from_account", self._payer)
        payee = self.form.read("to_account", _number)
        reference = self.form.read("reference")
        currency = payer.currency if payer else "EUR"
        amount_minor = self.form.read("amount", amount_in(currency))
        if self.form.errors:
            return None
        return Payment(payer.id, payee, amount_minor, currency, reference)

    def refuse(self, error: ApiError, currency: str) -> None:
        """Say why it was refused. A refusal stays one for its key, so the form gets another."""
        self.form.refuse(error, BESIDE, why(error, currency))
        self.key = new_key()

    def shown(self) -> dict[str, Any]:
        """Give what a page shows of it."""
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
        raise ValueError("This number cannot be right: a digit is missing, wrong or swapped.")
    return canonical(text)


def _choices(accounts: list[Account]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (each.id, f"{each.name}, {money(each.available_minor, each.currency)} available")
        for each in accounts
    )


def _suggestions(accounts: list[Account]) -> tuple[tuple[str, str], ...]:
    return tuple((in_fours(each.number), f"{each.name} ({each.currency})") for each in accounts)
