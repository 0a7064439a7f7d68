"""Refuse a request for approval."""

from typing import ClassVar

from accounts_bank.ledger.actions.ask_approval import Decision
from accounts_bank.ledger.values import Stage


class RefuseApproval(Decision, frozen=True, gc=False, tag="approval_refused"):
    """Refuse a request: its action is never done."""

    stage: ClassVar[Stage] = Stage.REFUSED
