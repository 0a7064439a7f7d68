"""Reserve money on an account. Capture, void and expiry end a hold; the first one wins.

A hold counts as expired from its time on, whether the bank released the money yet or not.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from accounts_bank.ledger.budgets import KeyUse, budget, budget_id, spent, within_budget
from accounts_bank.ledger.checks import (
    covers,
    may_pay,
    owner_ids,
    payer_and_payee,
    with_spending,
    within_daily_limit,
)
from accounts_bank.ledger.refs import listed_under
from accounts_bank.ledger.touches import Touches
from accounts_bank.ledger.values import Account, Metadata, Progress, Stage, Status
from accounts_bank.ledger.verdicts import Effect, Refusal, Verdict

if TYPE_CHECKING:
    from accounts_bank.ledger.books import Books
    from accounts_bank.ledger.entries import Entry

_ENDS = {
    Stage.CAPTURED: Status.HOLD_CAPTURED,
    Stage.VOIDED: Status.HOLD_VOIDED,
    Stage.EXPIRED: Status.HOLD_EXPIRED,
}


class Hold(Struct, frozen=True, gc=False, tag="hold"):
    """Reserve money on an account for another account, which captures it within a time.

    :param from_account: the id or the number of the payer's account.
    :param to_account: the id or the number of the payee's account.
    :param amount_minor: the amount in minor units, at least 1.
    :param currency: the currency of both accounts (ISO 4217).
    :param expires_in_s: the time until the hold expires by itself, in seconds.
    :param key: the key that makes it; UNSET for a person. It is no part of a retry's identity.
    :param metadata: the pairs of the caller, left out if there are none.
    """

    from_account: str
    to_account: str
    amount_minor: int
    currency: str
    expires_in_s: int
    reference: str | None = None
    metadata: Metadata | UnsetType = UNSET
    key: KeyUse | UnsetType = UNSET

    budget_id: ClassVar[property] = property(budget_id)
    touches: ClassVar[Touches] = Touches(accounts=("from_account", "to_account", "budget_id"))

    def decide(self, books: "Books", entry: "Entry") -> Verdict:
        """Reserve the amount. It counts against the daily limit of this day, even if voided."""
        found = payer_and_payee(books, entry, self.from_account, self.to_account)
        if isinstance(found, Refusal):
            return found
        payer, payee = found
        amount_minor, at = self.amount_minor, entry.at
        kept = budget(books, self, at)
        return (
            may_pay(payer, payee, self.currency)
            or covers(payer, amount_minor)
            or within_daily_limit(payer, payee, amount_minor, at)
            or within_budget(kept, payer, amount_minor, at)
            or Effect(
                account=with_held(with_spending(payer, payee, amount_minor, at), amount_minor),
                progress=self._progress(entry, payer),
                entry_refs=listed_under(owner_ids(payer, payee), self.metadata),
                budget=spent(kept, payer, amount_minor, at),
            )
        )

    def expires_at(self, made_at: datetime) -> datetime:
        """Return the time at which a hold that was made at a time expires."""
        return made_at + timedelta(seconds=self.expires_in_s)

    def _progress(self, entry: "Entry", payer: Account) -> Progress:
        return Progress(
            entry_id=entry.id,
            kind=entry.kind,
            account_id=payer.id,
            amount_minor=self.amount_minor,
            due_at=self.expires_at(entry.at),
        )


def stage_at(progress: Progress, now: datetime) -> Stage:
    """Return the stage of a hold at a time: an open hold past its time counts as expired."""
    is_over = progress.due_at is not None and progress.due_at <= now
    return Stage.EXPIRED if is_over else progress.stage


def hold_and_payer(
    books: "Books", hold_id: str, from_account: str
) -> tuple[Progress, Account] | Refusal:
    """Find the progress of a hold and its payer's account, as a later action names them."""
    hold, payer = books.progress(hold_id), books.account(from_account)
    if hold is None or payer is None or hold.kind != "hold" or hold.account_id != payer.id:
        return Refusal(Status.ENTRY_UNKNOWN)
    return hold, payer


def not_ended(hold: Progress, at: datetime) -> Refusal | None:
    """Refuse a hold that was captured or voided, or that is past its time."""
    stage = stage_at(hold, at)
    return None if stage is Stage.OPEN else Refusal(_ENDS[stage])


def released(hold: Progress, payer: Account, stage: Stage) -> Effect:
    """Release all of a hold; none of its money moves."""
    return Effect(
        account=with_held(payer, -hold.amount_minor),
        progress=ended(hold, stage, 0),
        entry_refs=(hold.entry_id,),
    )


def ended(hold: Progress, stage: Stage, done_minor: int) -> Progress:
    """Return the progress of a hold after its end."""
    return replace(hold, stage=stage, done_minor=done_minor, due_at=None)


def with_held(account: Account, amount_minor: int) -> Account:
    """Return an account after the amount held on it changed by a signed amount."""
    return replace(account, held_minor=account.held_minor + amount_minor)
