"""/v1/approvals: actions of staff that wait for a second person."""

from accounts_bank.api.operations import Operations
from accounts_bank.api.schemas.approvals import ApprovalView, approval_view
from accounts_bank.collections import approved_roles
from accounts_bank.collections.permissions import Permission
from accounts_bank.http.answers import Answer
from accounts_bank.http.bank import Bank
from accounts_bank.http.fields import NewestFirst
from accounts_bank.http.pagination import newest_first
from accounts_bank.identity import Caller

operations = Operations("approvals", "/v1/approvals")

_DECIDED_CODES = (
    "own_account",
    "own_approval",
    "not_found",
    "key_reused",
    "approval_granted",
    "approval_refused",
    "approval_expired",
)
_ACTION_CODES = (
    "account_closed",
    "account_frozen",
    "currency_mismatch",
    "funds_insufficient",
    "reversal_too_large",
    "limit_exceeded",
    "last_admin",
)


@operations.declare(
    "GET",
    "",
    "List what waits for a second person",
    permission=Permission.READ_APPROVALS,
    query=NewestFirst,
    answer=ApprovalView,
    is_page=True,
)
def list_approvals(bank: Bank, caller: Caller, query: NewestFirst) -> Answer:
    """List the requests that wait for a second person, the newest first."""
    return newest_first(
        query,
        lambda before, limit: bank.accounts.approvals.waiting(caller, before=before, limit=limit),
        approval_view,
    )


@operations.declare(
    "GET",
    "/<approval_id>",
    "Read a request for approval",
    permission=Permission.READ_APPROVALS,
    answer=ApprovalView,
    codes=("not_found",),
)
def read_approval(bank: Bank, caller: Caller, approval_id: str) -> Answer:
    """Show a request of any status and, if there is one, its decision."""
    return Answer(approval_view(bank.accounts.approvals.read(caller, approval_id)))


@operations.declare(
    "POST",
    "/<approval_id>/grant",
    "Grant a request for approval",
    permission=Permission.DECIDE_APPROVALS,
    answer=ApprovalView,
    codes=(*_DECIDED_CODES, *_ACTION_CODES),
    is_money=True,
)
def grant(bank: Bank, caller: Caller, key: str | None, approval_id: str) -> Answer:
    """Do what a colleague asked for. The ledger decides it as of now."""
    approval = approved_roles.grant(bank.users, bank.accounts, caller, approval_id, key)
    return Answer(approval_view(approval), replayed=approval.replayed)


@operations.declare(
    "POST",
    "/<approval_id>/refuse",
    "Refuse a request for approval",
    permission=Permission.DECIDE_APPROVALS,
    answer=ApprovalView,
    codes=_DECIDED_CODES,
    is_money=True,
)
def refuse(bank: Bank, caller: Caller, key: str | None, approval_id: str) -> Answer:
    """Refuse what a colleague asked for. It is never done."""
    approval = bank.accounts.approvals.refuse(caller, approval_id, key)
    return Answer(approval_view(approval), replayed=approval.replayed)
