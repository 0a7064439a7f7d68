"""Send money: fill in, look once more, send; and each transfer's own page."""

import msgspec
from flask import Blueprint, Response, request
from msgspec.structs import replace

from accounts.api import cursors
from accounts.api.bank import bank
from accounts.api.operations import CUSTOMERS, SIGNED_IN
from accounts.errors import ApiError, NotFound, Refused
from accounts.identity import Caller
from accounts.ledger.actions import Transfer
from accounts.ledger.numbers import canonical, is_number
from accounts.ledger.values import Account, AccountStatus
from accounts.web.asks import AMOUNT, BESIDE, REFERENCE, amount_in, why
from accounts.web.formats import in_fours, money
from accounts.web.forms import Field, Form
from accounts.web.keys import done_with, form_key, new_key
from accounts.web.pages import go, page, signed_in

transfers = Blueprint("transfer_pages", __name__, url_prefix="/transfers")

ACCOUNTS_OFFERED = 200
TRANSFERS_SHOWN = 25

_FROM = Field(name="from_account", label="From", wrong="Choose one of your accounts.")
_TO = Field(
    name="to_account",
    label="To account number",
    hint="The payee's number, such as DE44 9990 0000 0123 4567 89.",
    maxlength=64,
)


class Draft:
    """A transfer that is being written: the form, and the account that pays."""

    def __init__(self, caller: Caller, key: str) -> None:
        self.caller, self.key = caller, key
        found = bank().accounts.of(caller, after=None, limit=ACCOUNTS_OFFERED)
        self.accounts = [each for each in found if each.status is not AccountStatus.CLOSED]
        self.form = Form(
            replace(_FROM, choices=_choices(self.accounts)),
            replace(_TO, suggestions=_suggestions(self.accounts)),
            AMOUNT,
            REFERENCE,
            typed=request.values,
        )

    def read(self) -> Transfer | None:
        """Read what was typed; None where something is wrong, which the form says."""
        payer = self.form.read("from_account", self._payer)
        payee = self.form.read("to_account", _number)
        reference = self.form.read("reference")
        currency = payer.currency if payer else "EUR"
        amount_minor = self.form.read("amount", amount_in(currency))
        if self.form.errors:
            return None
        return Transfer(payer.id, payee, amount_minor, currency, reference)

    def refuse(self, error: ApiError, ask: Transfer) -> None:
        """Say why it was refused. A refusal stays one for its key, so the form gets another."""
        self.form.refuse(error, BESIDE, why(error, ask.currency))
        self.key = new_key()

    def shown(self) -> Response:
        """Show the form."""
        return page(
            "transfer_new",
            self.form.status,
            form=self.form,
            key=self.key,
            accounts=self.accounts,
            done=done_with(self.caller, "transfer", self.key),
        )

    def _payer(self, name: str) -> Account:
        for account in self.accounts:
            if canonical(name) in {account.id, account.number}:
                return account
        raise ValueError(_FROM.wrong)


@transfers.get("/new")
@signed_in(CUSTOMERS)
def write(caller: Caller) -> Response:
    """Show the form, or what it says, to be looked at once more."""
    key = form_key()
    if key is None:
        return go(request.path, **(request.args.to_dict() | {"key": new_key()}))
    draft = Draft(caller, key)
    if "amount" not in request.args or "edit" in request.args:
        return draft.shown()
    ask = draft.read()
    if ask is None:
        return draft.shown()
    try:
        outcome = bank().accounts.transfer(caller, ask, key, dry_run=True)
    except (Refused, NotFound) as error:
        draft.refuse(error, ask)
        return draft.shown()
    if outcome.replayed:
        return go(f"/transfers/{outcome.recorded.entry.id}", done="before")
    payer, payee = bank().accounts.account(caller, ask.from_account), _own(caller, ask.to_account)
    left_minor = payer.available_minor - ask.amount_minor
    return page(
        "transfer_confirm",
        form=draft.form,
        key=key,
        ask=ask,
        payer=payer,
        payee=payee,
        left_minor=left_minor,
    )


@transfers.post("/new")
@signed_in(CUSTOMERS)
def send(caller: Caller) -> Response:
    """Send it, once for each form."""
    draft = Draft(caller, form_key() or new_key())
    ask = draft.read()
    if ask is None:
        return draft.shown()
    bank().limits.money.spend(request.remote_addr or "", caller.id)
    try:
        outcome = bank().accounts.transfer(caller, ask, draft.key)
    except (Refused, NotFound) as error:
        draft.refuse(error, ask)
        return draft.shown()
    done = "before" if outcome.replayed else "sent"
    return go(f"/transfers/{outcome.recorded.entry.id}", done=done)


@transfers.get("")
@signed_in(SIGNED_IN)
def look_back(caller: Caller) -> Response:
    """List the transfers that the caller paid or received, the newest first."""
    cursor = request.args.get("before")
    before = cursors.time_of(_checked(cursor)) if cursor else None
    found = bank().accounts.transfers_of(caller, before=before, limit=TRANSFERS_SHOWN + 1)
    shown = found[:TRANSFERS_SHOWN]
    older = None
    if len(found) > TRANSFERS_SHOWN:
        older = cursors.of_time(shown[-1].recorded.at, shown[-1].recorded.entry.id)
    return page("transfers", transfers=shown, older=older, newest=bool(cursor))


@transfers.get("/<entry_id>")
@signed_in(SIGNED_IN)
def read(caller: Caller, entry_id: str) -> Response:
    """Show a transfer to its payer or its payee."""
    seen = bank().accounts.entry(caller, "transfer", entry_id)
    paid, received = seen.recorded.lines
    return page(
        "transfer",
        entry=seen.recorded.entry,
        at=seen.recorded.at,
        paid=paid,
        received=received,
        payer=_own(caller, paid.account_id),
        payee=_own(caller, received.account_id),
        done=request.args.get("done"),
    )


def _own(caller: Caller, name: str) -> Account | None:
    """Read an account that the caller may see; None for everybody else's."""
    try:
        return bank().accounts.account(caller, name)
    except NotFound:
        return None


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


def _checked(cursor: str) -> str:
    try:
        return msgspec.convert(cursor, cursors.TimeCursor)
    except msgspec.ValidationError:
        raise NotFound from None
