"""Pages for the staff: what waits for a second person, and its decision."""

from flask import Blueprint, Response, request

from accounts_bank.collections import approved_roles
from accounts_bank.collections.approvals import ApprovalDetails
from accounts_bank.collections.permissions import Permission, may
from accounts_bank.errors import AwaitsApproval, Forbidden, LastAdmin, NotFound, OwnAccount, Refused
from accounts_bank.http.bank import bank
from accounts_bank.http.guard import spend_payment
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Reversal
from accounts_bank.ledger.entries import KINDS
from accounts_bank.ledger.values import Account, Stage
from accounts_bank.web.forms import Form
from accounts_bank.web.keys import form_key, new_key
from accounts_bank.web.pages import page, redirect, signed_in
from accounts_bank.web.pagination import newest_first

approvals = Blueprint("approval_pages", __name__, url_prefix="/approvals")

TITLES = {
    "deposit": "Pay in",
    "withdrawal": "Pay out",
    "reversal": "Send a transfer back",
    "credit_limit_set": "Credit limit",
    "daily_limit_set": "Daily limit",
    "role_set": "Role",
}


def to_approval(waits: AwaitsApproval) -> Response:
    """Redirect from a form to the request that waits for a second person."""
    return redirect(f"/approvals/{waits.approval_id}", done="asked")


@approvals.get("")
@signed_in(Permission.READ_APPROVALS)
def list_waiting(caller: Caller) -> Response:
    """List the requests that wait for a second person, newest first."""
    found = newest_first(
        lambda before, limit: bank().accounts.approvals.waiting(caller, before=before, limit=limit)
    )
    return page("approvals", found=found, title_of=_title, name_of=_name)


@approvals.get("/<approval_id>")
@signed_in(Permission.READ_APPROVALS)
def show(caller: Caller, approval_id: str) -> Response:
    """Show a request, with the forms that decide it."""
    approval = bank().accounts.approvals.read(caller, approval_id)
    return _page(caller, approval, Form(typed={}))


@approvals.post("/<approval_id>/grant")
@signed_in(Permission.DECIDE_APPROVALS)
def grant(caller: Caller, approval_id: str) -> Response:
    """Do what a colleague asked for, once for each form."""
    return _decide(caller, approval_id, grants=True)


@approvals.post("/<approval_id>/refuse")
@signed_in(Permission.DECIDE_APPROVALS)
def refuse(caller: Caller, approval_id: str) -> Response:
    """Refuse what a colleague asked for."""
    return _decide(caller, approval_id, grants=False)


def _decide(caller: Caller, approval_id: str, *, grants: bool) -> Response:
    approval, form, key = bank().accounts.approvals.read(caller, approval_id), Form(typed={}), None
    spend_payment(caller)
    try:
        key = form_key()
        if grants:
            approved_roles.grant(bank().users, bank().accounts, caller, approval.id, key)
        else:
            bank().accounts.approvals.refuse(caller, approval.id, key)
        return redirect(f"/approvals/{approval.id}", done="decided")
    except (Refused, Forbidden, OwnAccount, LastAdmin) as error:
        form.refuse(error, {})
    return _page(caller, bank().accounts.approvals.read(caller, approval.id), form)


def _page(caller: Caller, approval: ApprovalDetails, form: Form) -> Response:
    is_own = approval.recorded.entry.caller_id == caller.id
    account = _account(caller, approval)
    decides = may(caller.role, Permission.DECIDE_APPROVALS)
    concerns = caller.id in {approval.ask.user_id, account.owner_id if account else None}
    return page(
        "approval",
        form.status,
        approval=approval,
        form=form,
        key=new_key(),
        title=_title(approval),
        name_of=_name,
        account=account,
        currency=approval.account.currency if approval.account else None,
        is_own=is_own,
        may_decide=decides and not is_own and not concerns and approval.stage is Stage.OPEN,
        done=request.args.get("done"),
    )


def _title(approval: ApprovalDetails) -> str:
    return TITLES[KINDS[type(approval.ask.action)]]


def _account(caller: Caller, approval: ApprovalDetails) -> Account | None:
    """Return the account that a request changes if the caller may read it."""
    if approval.ask.user_id is not None:
        return None
    action = approval.ask.action
    name = action.to_account if isinstance(action, Reversal) else approval.ask.subject
    try:
        return bank().accounts.account(caller, name)
    except NotFound:
        return None


def _name(user_id: str) -> str:
    """Return the username of a member of staff; the id of a deleted one."""
    try:
        return bank().users.read(user_id).username
    except NotFound:
        return user_id
