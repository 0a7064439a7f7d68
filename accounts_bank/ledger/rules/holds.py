"""The rules of holds: money set aside, then captured, voided or expired, once.

A hold is open until one of the three; of those that race the first is the end of it. It counts as
expired from its time on, whether the bank has freed the money yet or not.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from accounts_bank.ledger.actions import Capture, Expire, Hold, Void
from accounts_bank.ledger.entries import KINDS, Entry
from accounts_bank.ledger.rules.checks import (
    covers,
    has_room,
    having_spent,
    may_pay,
    owners,
    payer_and_payee,
    postings,
    within_its_day,
)
from accounts_bank.ledger.rules.verdicts import Books, Effect, Refusal, Verdict
from accounts_bank.ledger.values import Account, Progress, Stage, Status

_ENDS = {
    Stage.CAPTURED: Status.HOLD_CAPTURED,
    Stage.VOIDED: Status.HOLD_VOIDED,
    Stage.EXPIRED: Status.HOLD_EXPIRED,
}


def hold(books: Books, entry: Entry, ask: Hold) -> Verdict:
    """Set money aside on the payer's account.

    It counts against the daily limit of this day, whatever becomes of it, and not of a later one.
    """
    found = payer_and_payee(books, entry, ask)
    if isinstance(found, Refusal):
        return found
    payer, payee = found
    spent = having_spent(payer, payee, ask.amount_minor, entry.at)
    return (
        may_pay(payer, payee, ask.currency)
        or covers(payer, ask.amount_minor)
        or within_its_day(payer, payee, ask.amount_minor, entry.at)
        or Effect(
            account=_holding(spent, ask.amount_minor),
            progress=_begun(entry, ask, payer),
            entry_refs=owners(payer, payee),
        )
    )


def capture(books: Books, entry: Entry, ask: Capture) -> Verdict:
    """Move what is held, or a part of it, to the payee, and free the rest."""
    found, made, payee = _held(books, ask), _made(books, ask), books.accounts.get(ask.to_account)
    if found is None or made is None or payee is None:
        return Refusal(Status.ENTRY_UNKNOWN)
    held, payer = found
    amount_minor = held.amount_minor if ask.amount_minor is None else ask.amount_minor
    return (
        _ended(held, entry.at)
        or may_pay(payer, payee, payer.currency)
        or _within(amount_minor, held)
        or has_room(payee, amount_minor)
        or Effect(
            postings(_holding(payer, -held.amount_minor), payee, amount_minor),
            progress=_end(held, Stage.CAPTURED, amount_minor),
            entry_refs=(ask.hold_id,),
            reference=made.reference,
        )
    )


def void(books: Books, entry: Entry, ask: Void) -> Verdict:
    """Free what is held."""
    found = _held(books, ask)
    if found is None:
        return Refusal(Status.ENTRY_UNKNOWN)
    held, payer = found
    return _ended(held, entry.at) or _freed(held, payer, Stage.VOIDED)


def expire(books: Books, entry: Entry, ask: Expire) -> Verdict:
    """Free what is held past its time; one whose time has not come is left alone."""
    found = _held(books, ask)
    if found is None:
        return Refusal(Status.ENTRY_UNKNOWN)
    held, payer = found
    if _is_over(held, entry.at):
        return _freed(held, payer, Stage.EXPIRED)
    return _ended(held, entry.at) or Refusal(Status.PRECONDITION_FAILED)


def _held(books: Books, ask: Capture | Void | Expire) -> tuple[Progress, Account] | None:
    """Find a hold and its payer, where they are what is named."""
    held, payer = books.progress.get(ask.hold_id), books.accounts.get(ask.from_account)
    if held is None or payer is None or (held.kind, held.account_id) != (KINDS[Hold], payer.id):
        return None
    return held, payer


def _begun(entry: Entry, ask: Hold, payer: Account) -> Progress:
    return Progress(
        entry_id=entry.id,
        kind=entry.kind,
        account_id=payer.id,
        amount_minor=ask.amount_minor,
        due_at=entry.at + timedelta(seconds=ask.expires_in_s),
    )


def _made(books: Books, ask: Capture) -> Hold | None:
    """Find the hold that a capture is about, where it was made for the account that it names."""
    made = books.entries.get(ask.hold_id)
    if made is None or not isinstance(made.entry.action, Hold):
        return None
    return made.entry.action if made.entry.action.to_account == ask.to_account else None


def _ended(held: Progress, at: datetime) -> Refusal | None:
    if held.stage is not Stage.OPEN:
        return Refusal(_ENDS[held.stage])
    return Refusal(Status.HOLD_EXPIRED) if _is_over(held, at) else None


def _is_over(held: Progress, at: datetime) -> bool:
    """Tell whether the time of an open hold is over; one that ended has none."""
    return held.due_at is not None and held.due_at <= at


def _within(amount_minor: int, held: Progress) -> Refusal | None:
    if amount_minor <= held.amount_minor:
        return None
    return Refusal(Status.CAPTURE_TOO_LARGE, (("held_minor", held.amount_minor),))


def _freed(held: Progress, payer: Account, stage: Stage) -> Effect:
    return Effect(
        account=_holding(payer, -held.amount_minor),
        progress=_end(held, stage, 0),
        entry_refs=(held.entry_id,),
    )


def _end(held: Progress, stage: Stage, done_minor: int) -> Progress:
    return replace(held, stage=stage, done_minor=done_minor, due_at=None)


def _holding(account: Account, amount_minor: int) -> Account:
    return replace(account, held_minor=account.held_minor + amount_minor)
