"""Approvals over the wire."""

from typing import Literal

from msgspec import Struct

from accounts_bank.collections.approvals import ApprovalDetails
from accounts_bank.errors import AwaitsApproval
from accounts_bank.http.fields import Metadata, Time
from accounts_bank.ledger.actions import Reversal
from accounts_bank.ledger.entries import KINDS

Stage = Literal["waiting", "granted", "refused", "expired"]


class ApprovalAskedView(Struct, frozen=True):
    """The answer to an action that waits for a second person. Nothing is changed yet."""

    approval_id: str
    status: Stage
    expires_at: Time


class ApprovalView(Struct, frozen=True):
    """A request for approval. Fields that its kind of action lacks are null.

    `entry_id` is the id of what a grant recorded, such as a deposit.
    """

    id: str
    kind: Literal[
        "deposit", "withdrawal", "reversal", "credit_limit_set", "daily_limit_set", "role_set"
    ]
    status: Stage
    account_id: str | None
    transfer_id: str | None
    user_id: str | None
    amount_minor: int | None
    currency: str | None
    reference: str | None
    metadata: Metadata
    credit_limit_minor: int | None
    daily_limit_minor: int | None
    role: str | None
    asked_by: str
    asked_at: Time
    expires_at: Time
    decided_by: str | None
    decided_at: Time | None
    entry_id: str | None


_STAGES: dict[str, Stage] = {
    "open": "waiting",
    "granted": "granted",
    "refused": "refused",
    "expired": "expired",
}
_FIELDS = ("amount_minor", "reference", "credit_limit_minor", "daily_limit_minor")


def asked_view(waits: AwaitsApproval) -> ApprovalAskedView:
    """Show what waits for a second person."""
    return ApprovalAskedView(waits.approval_id, _STAGES[waits.stage], waits.expires_at)


def approval_view(approval: ApprovalDetails) -> ApprovalView:
    """Show a request for approval to staff."""
    action, decision = approval.ask.action, approval.decision
    fields = {name: getattr(action, name, None) for name in _FIELDS}
    return ApprovalView(
        id=approval.id,
        kind=KINDS[type(action)],  # type: ignore[arg-type] # the kinds of `Approvable`
        status=_STAGES[approval.stage],
        account_id=None if approval.ask.user_id else approval.ask.subject,
        transfer_id=action.transfer_id if isinstance(action, Reversal) else None,
        user_id=approval.ask.user_id,
        currency=approval.account.currency if approval.account else None,
        role=getattr(action, "role", None),
        metadata=getattr(action, "metadata", None) or {},
        asked_by=approval.recorded.entry.caller_id,
        asked_at=approval.recorded.at,
        expires_at=approval.expires_at,
        decided_by=decision.entry.caller_id if decision else None,
        decided_at=decision.at if decision else None,
        entry_id=approval.done_id,
        **fields,
    )
