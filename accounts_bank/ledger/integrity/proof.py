"""Prove the books: every number in them follows from the journal and from the lines.

The proof reads each value once, as ordered streams, so its memory does not grow with the bank. The
first error ends the proof.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec
from msgspec import Struct

from accounts_bank.ledger.entries import Ledger, Recorded, digest_of
from accounts_bank.ledger.integrity.checksums import Checksum, ProgressReconciler
from accounts_bank.ledger.integrity.derived import DerivedCheck
from accounts_bank.ledger.values import (
    BANK_ID,
    Account,
    AccountStatus,
    Customer,
    Line,
    Progress,
    Stage,
    Status,
)


class BooksWrong(Exception):
    """A value in the books contradicts the others; the message names it."""


class Counts(Struct):
    """The sizes of the books.

    :param sums_minor: the sum of all balances in minor units, by currency.
    :param journal: the checksum of the entries that have a number.
    """

    accounts: int = 0
    customers: int = 0
    lines: int = 0
    entries: int = 0
    sums_minor: dict[str, int] = {}
    journal: Checksum = msgspec.field(default_factory=Checksum)


def prove(ledger: Ledger) -> Counts:
    """Prove the whole ledger.

    :returns: the sizes of the books.
    :raises BooksWrong: a value contradicts the others.
    """
    counts, reconciler = Counts(), ProgressReconciler()
    derived = DerivedCheck(ledger.load, ledger.entry_refs)
    open_accounts = _prove_accounts(ledger, counts, reconciler)
    _prove_customers(ledger.customers, open_accounts, counts)
    posted = _prove_entries(derived.entries(ledger.entries), counts, reconciler)
    if posted != counts.lines:
        raise BooksWrong(f"{counts.lines - posted} lines belong to no entry of the journal")
    for currency, sum_minor in sorted(counts.sums_minor.items()):
        if sum_minor:
            raise BooksWrong(f"all balances in {currency} sum to {sum_minor}, not to zero")
    _prove_progress(derived.progress(ledger.progress), reconciler)
    if derived.fault:
        raise BooksWrong(derived.fault)
    counts.journal = counts.journal.without(ledger.unsealed)
    return counts


def _prove_accounts(ledger: Ledger, counts: Counts, reconciler: ProgressReconciler) -> int:
    """Prove each account by its lines; return the number of open accounts of customers."""
    open_accounts = 0
    sums_minor: Counter[str] = Counter()
    groups = groupby(ledger.lines, lambda line: line.account_id)
    account_id, lines = next(groups, (None, iter(())))
    for account in ledger.accounts:
        if account_id is not None and account_id < account.id:
            break
        own = account_id == account.id
        _prove_account(account, lines if own else iter(()))
        if own:
            account_id, lines = next(groups, (None, iter(())))
        reconciler.see_account(account)
        counts.accounts += 1
        counts.lines += account.line_count
        sums_minor[account.currency] += account.balance_minor
        open_accounts += account.status is not AccountStatus.CLOSED and account.owner_id != BANK_ID
    if account_id is not None:
        raise BooksWrong(f"there are lines of account {account_id}, which does not exist")
    counts.sums_minor = dict(sums_minor)
    return open_accounts


def _prove_account(account: Account, lines: Iterator[Line]) -> None:
    name, number, balance_minor, at = f"account {account.id}", 0, 0, account.created_at
    for number, line in enumerate(lines, 1):
        balance_minor += line.amount_minor
        if line.number != number:
            raise BooksWrong(f"{name}: line {line.number} stands where line {number} belongs")
        if line.at < at:
            raise BooksWrong(f"{name}: line {number} bears an earlier time than what is before it")
        at = line.at
        if line.balance_minor != balance_minor:
            raise BooksWrong(
                f"{name}: line {number} says a balance of {line.balance_minor} "
                f"where its lines sum to {balance_minor}"
            )
    if account.line_count != number:
        raise BooksWrong(f"{name}: {number} lines are there, and it counts {account.line_count}")
    if account.balance_minor != balance_minor:
        raise BooksWrong(
            f"{name}: a balance of {account.balance_minor}, and lines that sum to {balance_minor}"
        )
    if account.available_minor < 0:
        raise BooksWrong(f"{name}: it is {-account.available_minor} below its floor")


def _prove_customers(customers: Iterable[Customer], open_accounts: int, counts: Counts) -> None:
    counted = 0
    for customer in customers:
        counts.customers += 1
        counted += customer.open_accounts
        if customer.left and customer.open_accounts:
            raise BooksWrong(f"customer {customer.id} has left, and has open accounts")
    if counted != open_accounts:
        raise BooksWrong(f"{open_accounts} accounts are open, and the customers count {counted}")


def _prove_entries(
    entries: Iterable[Recorded], counts: Counts, reconciler: ProgressReconciler
) -> int:
    """Prove each entry by itself; return the number of their lines."""
    posted = 0
    for recorded in entries:
        name = f"entry {recorded.entry.id}"
        if digest_of(recorded) != recorded.digest:
            raise BooksWrong(f"{name}: it was changed: its digest differs")
        if sum(line.amount_minor for line in recorded.lines):
            raise BooksWrong(f"{name}: its lines do not sum to zero")
        if recorded.lines and recorded.status is not Status.RECORDED:
            raise BooksWrong(f"{name}: it was refused, and moved money")
        reconciler.see_entry(recorded)
        counts.entries += 1
        counts.journal.add(recorded.entry.id)
        posted += len(recorded.lines)
    return posted


def _prove_progress(progress: Iterable[Progress], reconciler: ProgressReconciler) -> None:
    for each in progress:
        name = f"{each.kind} {each.entry_id}"
        if each.kind in {"hold", "schedule"} and (each.due_at is None) is (
            each.stage is Stage.OPEN
        ):
            raise BooksWrong(f"{name}: it is {each.stage}, and due {each.due_at}")
        if each.done_minor > each.amount_minor:
            raise BooksWrong(f"{name}: {each.done_minor} of {each.amount_minor} came of it")
        reconciler.see_progress(each)
    fault = reconciler.fault()
    if fault:
        raise BooksWrong(fault)
