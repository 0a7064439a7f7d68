"""Deposits and withdrawals: their forms and receipts."""

from flask import Blueprint, Response, request
from msgspec import Struct

from accounts_bank.api.schemas.money import cash_view
from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import AwaitsApproval, Forbidden, OwnAccount, Refused
from accounts_bank.http.bank import bank
from accounts_bank.http.guard import spend_payment
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Deposit, Withdrawal
from accounts_bank.ledger.entries import Outcome
from accounts_bank.ledger.values import Account
from accounts_bank.web.approvals import to_approval
from accounts_bank.web.forms import Form
from accounts_bank.web.keys import find_by_key, form_key, new_key
from accounts_bank.web.pages import page, redirect, signed_in
from accounts_bank.web.payment_fields import (
    AMOUNT,
    REFERENCE,
    REFUSED_FIELDS,
    amount_in,
    explain,
)

cash = Blueprint("cash_pages", __name__)
cash.register_error_handler(AwaitsApproval, to_approval)


class CashForm(Struct, frozen=True):
    """The texts of a cash form; `kind` is the kind of the entry."""

    kind: str
    title: str
    button: str


PAY_IN = CashForm("deposit", "Pay in", "Pay in")
PAY_OUT = CashForm("withdrawal", "Pay out", "Pay out")


@cash.route("/accounts/<account>/deposit", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def pay_in(caller: Caller, account: str) -> Response:
    """Deposit cash once for each form."""
    return _pay(PAY_IN, caller, bank().accounts.account(caller, account))


@cash.route("/accounts/<account>/withdraw", methods=["GET", "POST"])
@signed_in(Permission.TRANSACT)
def pay_out(caller: Caller, account: str) -> Response:
    """Withdraw cash once for each form."""
    return _pay(PAY_OUT, caller, bank().accounts.account(caller, account))


@cash.get("/deposits/<entry_id>")
@signed_in(Permission.READ_OWN)
def read_deposit(caller: Caller, entry_id: str) -> Response:
    """Show the receipt of a deposit."""
    return _receipt(caller, "deposit", entry_id)


@cash.get("/withdrawals/<entry_id>")
@signed_in(Permission.READ_OWN)
def read_withdrawal(caller: Caller, entry_id: str) -> Response:
    """Show the receipt of a withdrawal."""
    return _receipt(caller, "withdrawal", entry_id)


def _pay(cash_form: CashForm, caller: Caller, account: Account) -> Response:
    key = form_key()
    if key is None:
        return redirect(request.path, key=new_key())
    form = Form(AMOUNT, REFERENCE, typed=request.values)
    if request.method == "POST":
        action = _read(cash_form, form, account)
        if action is not None:
            spend_payment(caller)
            try:
                return _to_receipt(cash_form, _submit(caller, action, key))
            except (Refused, Forbidden, OwnAccount) as error:
                form.refuse(error, REFUSED_FIELDS, explain(error, account.currency))
                key = new_key()
    done = find_by_key(bank().accounts.entry, caller, cash_form.kind, key=key)
    return page(
        "cash", form.status, cash_form=cash_form, form=form, account=account, key=key, done=done
    )


def _read(cash_form: CashForm, form: Form, account: Account) -> Deposit | Withdrawal | None:
    amount_minor, reference = (
        form.read("amount", amount_in(account.currency)),
        form.read("reference"),
    )
    if form.errors:
        return None
    kind = Deposit if cash_form is PAY_IN else Withdrawal
    return kind(account.id, amount_minor, account.currency, reference)


def _submit(caller: Caller, action: Deposit | Withdrawal, key: str) -> Outcome:
    if isinstance(action, Deposit):
        return bank().accounts.deposit(caller, action, key)
    return bank().accounts.withdraw(caller, action, key)


def _to_receipt(cash_form: CashForm, outcome: Outcome) -> Response:
    done = "before" if outcome.replayed else "now"
    return redirect(f"/{cash_form.kind}s/{outcome.recorded.entry.id}", done=done)


def _receipt(caller: Caller, kind: str, entry_id: str) -> Response:
    receipt = cash_view(bank().accounts.entry(caller, kind, entry_id).recorded)
    account = bank().accounts.account(caller, receipt.account_id)
    return page("receipt", receipt=receipt, account=account, done=request.args.get("done"))
