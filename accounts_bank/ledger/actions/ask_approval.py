"""Ask a second person to approve an action of staff."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from accounts_bank.ledger.actions.deposit import Deposit
from accounts_bank.ledger.actions.reversal import Reversal
from accounts_bank.ledger.actions.set_credit_limit import SetCreditLimit
from accounts_bank.ledger.actions.set_daily_limit import SetDailyLimit
from accounts_bank.ledger.actions.set_role import SetRole
from accounts_bank.ledger.actions.withdrawal import Withdrawal
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import BANK_ID, Progress, Stage, Status
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry

Approvable = Deposit | Withdrawal | Reversal | SetCreditLimit | SetDailyLimit | SetRole
"""The actions of staff that a second person may have to approve."""

_ENDS = {Stage.GRANTED: Status.APPROVAL_GRANTED, Stage.REFUSED: Status.APPROVAL_REFUSED}


def _accounts(ask: Any, entry: "Entry") -> Iterator[str]:
    """Yield the accounts that the rule of the action reads."""
    touches: Touches = ask.action.touches
    yield from filter(None, (getattr(ask.action, name) for name in touches.accounts))
    if touches.more_accounts is not None:
        yield from touches.more_accounts(ask.action, entry)


class AskApproval(Struct, frozen=True, gc=False, tag="approval_asked"):
    """Ask for an action. A second person grants it within a time, or refuses it.

    :param action: the action; it names accounts by id.
    :param expires_in_s: the time until the request expires, in seconds.
    :param user_id: the user that the action changes, if it changes a user.
    :param transfer_id: the transfer that the action reverses, if it is a reversal.
    """

    action: Approvable
    expires_in_s: int
    user_id: str | None = None
    transfer_id: str | None = None

    touches: ClassVar[Touches] = Touches(
        customers=("user_id",), earlier_entries=("transfer_id",), more_accounts=_accounts
    )

    def decide(self, books: "Books", entry: "Entry") -> Verdict:
        """Keep the request if the ledger would record the action at this moment."""
        verdict = self.action.decide(books, entry)
        if isinstance(verdict, Refusal):
            return Refusal(verdict.status, verdict.details)
        return Effect(
            customer=None if self.user_id is None else books.customer(self.user_id),
            progress=Progress(
                entry_id=entry.id, kind=entry.kind, account_id=self.subject, amount_minor=0
            ),
            entry_refs=(BANK_ID,),
        )

    @property
    def subject(self) -> str:
        """The id of the account or of the user that the action changes."""
        match self.action:
            case Reversal(from_account=account):
                return account
            case SetRole(user_id=user_id):
                return user_id
            case Deposit() | Withdrawal() | SetCreditLimit() | SetDailyLimit():
                return self.action.account

    def expires_at(self, asked_at: datetime) -> datetime:
        """Return the time at which a request that was made at a time expires."""
        return asked_at + timedelta(seconds=self.expires_in_s)


def _subject_account(decision: Any, _entry: "Entry") -> tuple[str, ...]:
    """Return the account that a decision locks, if it concerns an account."""
    return () if decision.account is None else (decision.account,)


class Decision(Struct, frozen=True, gc=False):
    """The fields and the rule of the two decisions of a request.

    :param approval_id: the id of the request.
    :param account: the account that the action changes, or None.
    :param user_id: the user that the action changes, or None.
    """

    approval_id: str
    account: str | None = None
    user_id: str | None = None

    stage: ClassVar[Stage]
    touches: ClassVar[Touches] = Touches(
        customers=("user_id",), earlier_entries=("approval_id",), more_accounts=_subject_account
    )

    def decide(self, books: "Books", entry: "Entry") -> Verdict:
        """Decide a request that waits. Its maker never decides it."""
        found = _waiting(books, entry, self.approval_id, self.account or self.user_id)
        if isinstance(found, Refusal):
            return found
        return Effect(progress=replace(found, stage=self.stage), entry_refs=(self.approval_id,))


def _waiting(
    books: "Books", entry: "Entry", approval_id: str, subject: str | None
) -> Progress | Refusal:
    """Find the progress of a request that the maker of an entry may still decide.

    :param subject: the account or the user that the decision locks.
    """
    asked, progress = books.entry(approval_id), books.progress(approval_id)
    if asked is None or progress is None or not isinstance(asked.entry.action, AskApproval):
        return Refusal(Status.ENTRY_UNKNOWN)
    if progress.account_id != subject:
        return Refusal(Status.ENTRY_UNKNOWN)
    if asked.entry.caller_id == entry.caller_id:
        return Refusal(Status.OWN_APPROVAL)
    if progress.stage is not Stage.OPEN:
        return Refusal(_ENDS[progress.stage])
    if asked.entry.action.expires_at(asked.entry.at) <= entry.at:
        return Refusal(Status.APPROVAL_EXPIRED)
    return progress
