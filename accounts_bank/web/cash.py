"""Pay in and out, and the page of what was paid."""

from flask import Blueprint, Response, request
from msgspec import Struct

from accounts_bank.api.schemas.money import cash_view
from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import Forbidden, Refused
from accounts_bank.http.bank import bank
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Deposit, Withdrawal
from accounts_bank.ledger.entries import Outcome
from accounts_bank.ledger.values import Account
from accounts_bank.web.forms import Form
from accounts_bank.web.keys import done_with, form_key, new_key
from accounts_bank.web.pages import go, page, signed_in
from accounts_bank.web.payment_fields import AMOUNT, BESIDE, REFERENCE, amount_in, count, why

cash = Blueprint("cash_pages", __name__)


class CashForm(Struct, frozen=True):
    """What is done at the cash desk."""

    kind: str
    title: str
    button: str


PAY_IN = CashForm("deposit", "Pay in", "Pay in")
PAY_OUT = CashForm("withdrawal", "Pay out", "Pay out")


@cash.route("/accounts/<account>/deposit", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def pay_in(caller: Caller, account: str) -> Response:
    """Pay cash in, once for each form."""
    return _at(PAY_IN, caller, bank().accounts.account(caller, account))


@cash.route("/accounts/<account>/withdraw", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def pay_out(caller: Caller, account: str) -> Response:
    """Pay cash out, once for each form."""
    return _at(PAY_OUT, caller, bank().accounts.account(caller, account))


@cash.get("/deposits/<entry_id>")
@signed_in(Permission.READ_OWN)
def read_deposit(caller: Caller, entry_id: str) -> Response:
    """Show what was paid in."""
    return _shown(caller, "deposit", entry_id)


@cash.get("/withdrawals/<entry_id>")
@signed_in(Permission.READ_OWN)
def read_withdrawal(caller: Caller, entry_id: str) -> Response:
    """Show what was paid out."""
    return _shown(caller, "withdrawal", entry_id)


def _at(desk: CashForm, caller: Caller, account: Account) -> Response:
    key = form_key()
    if key is None:
        return go(request.path, key=new_key())
    form = Form(AMOUNT, REFERENCE, typed=request.values)
    if request.method == "POST":
        ask = _read(desk, form, account)
        if ask is not None:
            count(caller)
            try:
                return _done(desk, _asked(caller, ask, key))
            except (Refused, Forbidden) as error:
                form.refuse(error, BESIDE, why(error, account.currency))
                key = new_key()
    done = done_with(bank().accounts.entry, caller, desk.kind, key=key)
    return page("cash", form.status, desk=desk, form=form, account=account, key=key, done=done)


def _read(desk: CashForm, form: Form, account: Account) -> Deposit | Withdrawal | None:
    amount_minor, reference = (
        form.read("amount", amount_in(account.currency)),
        form.read("reference"),
    )
    if form.errors:
        return None
    kind = Deposit if desk is PAY_IN else Withdrawal
    return kind(account.id, amount_minor, account.currency, reference)


def _asked(caller: Caller, ask: Deposit | Withdrawal, key: str) -> Outcome:
    if isinstance(ask, Deposit):
        return bank().accounts.deposit(caller, ask, key)
    return bank().accounts.withdraw(caller, ask, key)


def _done(desk: CashForm, outcome: Outcome) -> Response:
    done = "before" if outcome.replayed else "now"
    return go(f"/{desk.kind}s/{outcome.recorded.entry.id}", done=done)


def _shown(caller: Caller, kind: str, entry_id: str) -> Response:
    receipt = cash_view(bank().accounts.entry(caller, kind, entry_id).recorded)
    account = bank().accounts.account(caller, receipt.account_id)
    return page("receipt", receipt=receipt, account=account, done=request.args.get("done"))
