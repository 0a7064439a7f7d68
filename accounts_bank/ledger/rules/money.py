"""The rules of money: cash, transfers, many at once, and back again."""

from msgspec.structs import replace

from accounts_bank.ledger.actions import Bulk, Deposit, Reversal, Transfer, Withdrawal
from accounts_bank.ledger.entries import Entry, Recorded
from accounts_bank.ledger.rules.checks import (
    covers,
    customers,
    has_room,
    having_spent,
    may_pay,
    not_closed,
    not_frozen,
    owners,
    payer_and_payee,
    postings,
    same_currency,
    till,
    within_its_day,
)
from accounts_bank.ledger.rules.schedules import run
from accounts_bank.ledger.rules.verdicts import Books, Effect, Refusal, Verdict
from accounts_bank.ledger.values import Progress, Status


def deposit(books: Books, entry: Entry, ask: Deposit) -> Verdict:
    """Move money from the till to a customer's account."""
    account = customers(books, ask.account)
    if account is None:
        return Refusal(Status.ACCOUNT_UNKNOWN)
    cash = till(books, entry, ask.currency)
    return (
        not_closed(account)
        or same_currency(account, ask.currency)
        or covers(cash, ask.amount_minor)
        or has_room(account, ask.amount_minor)
        or Effect(postings(cash, account, ask.amount_minor))
    )


def withdrawal(books: Books, entry: Entry, ask: Withdrawal) -> Verdict:
    """Move money from a customer's account to the till."""
    account = customers(books, ask.account)
    if account is None:
        return Refusal(Status.ACCOUNT_UNKNOWN)
    cash = till(books, entry, ask.currency)
    return (
        not_closed(account)
        or not_frozen(account)
        or same_currency(account, ask.currency)
        or covers(account, ask.amount_minor)
        or within_its_day(account, cash, ask.amount_minor, entry.at)
        or has_room(cash, ask.amount_minor)
        or Effect(
            postings(
                having_spent(account, cash, ask.amount_minor, entry.at), cash, ask.amount_minor
            )
        )
    )


def transfer(books: Books, entry: Entry, ask: Transfer) -> Verdict:
    """Move money between two customers' accounts, by itself or as a run of a schedule."""
    found = payer_and_payee(books, entry, ask)
    verdict: Verdict
    if isinstance(found, Refusal):
        verdict = found
    else:
        payer, payee = found
        verdict = (
            may_pay(payer, payee, ask.currency)
            or covers(payer, ask.amount_minor)
            or within_its_day(payer, payee, ask.amount_minor, entry.at)
            or has_room(payee, ask.amount_minor)
            or Effect(
                postings(
                    having_spent(payer, payee, ask.amount_minor, entry.at), payee, ask.amount_minor
                ),
                entry_refs=owners(payer, payee),
            )
        )
    return verdict if ask.schedule_id is None else run(books, ask, ask.schedule_id, verdict)


def bulk(_books: Books, _entry: Entry, _ask: Bulk) -> Verdict:
    """Begin many transfers: what becomes of them is decided one by one."""
    return Effect()


def reversal(books: Books, _entry: Entry, ask: Reversal) -> Verdict:
    """Move what a transfer brought back to its payer: never more in all than was sent.

    It does not count against a daily limit: nobody gets what was not theirs.
    """
    sent = books.entries.get(ask.transfer_id)
    payer, payee = books.accounts.get(ask.from_account), books.accounts.get(ask.to_account)
    if sent is None or payer is None or payee is None or not _is_back(ask, sent):
        return Refusal(Status.ENTRY_UNKNOWN)
    so_far = books.progress.get(ask.transfer_id) or _nothing_reversed(sent)
    left_minor = sent.lines[1].amount_minor - so_far.done_minor
    amount_minor = left_minor if ask.amount_minor is None else ask.amount_minor
    return (
        may_pay(payer, payee, payer.currency)
        or _within(amount_minor, left_minor)
        or covers(payer, amount_minor)
        or has_room(payee, amount_minor)
        or Effect(
            postings(payer, payee, amount_minor),
            progress=replace(so_far, done_minor=so_far.done_minor + amount_minor),
            entry_refs=(ask.transfer_id,),
        )
    )


def _is_back(ask: Reversal, sent: Recorded) -> bool:
    """Tell whether the reversal goes the way of a transfer backwards."""
    if sent.status is not Status.RECORDED or not isinstance(sent.entry.action, Transfer):
        return False
    paid, received = sent.lines
    return (ask.from_account, ask.to_account) == (received.account_id, paid.account_id)


def _nothing_reversed(sent: Recorded) -> Progress:
    paid, received = sent.lines
    return Progress(
        entry_id=received.entry_id,
        kind=received.kind,
        account_id=paid.account_id,
        amount_minor=received.amount_minor,
    )


def _within(amount_minor: int, left_minor: int) -> Refusal | None:
    if 0 < amount_minor <= left_minor:
        return None
    return Refusal(Status.REVERSAL_TOO_LARGE, (("left_minor", left_minor),))
