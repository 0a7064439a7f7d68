"""Grant a request for approval."""

from typing import ClassVar

from accounts_bank.ledger.actions.ask_approval import Decision
from accounts_bank.ledger.values import Stage


class GrantApproval(Decision, frozen=True, gc=False, tag="approval_granted"):
    """Grant a request: the next entry of the same batch is its action."""

    stage: ClassVar[Stage] = Stage.GRANTED
