"""Proves the books: that every number in them follows from the others.

Everything is read once, as streams in order, so memory does not grow with what there is. The first
thing that is wrong ends the proof and is named.
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


class Wrong(Exception):
    """Something in the books does not follow from the rest; the message names it."""


class Counts(Struct):
    """How much there is, and what it sums to."""

    accounts: int = 0
    customers: int = 0
    lines: int = 0
    entries: int = 0
    sums_minor: dict[str, int] = {}
    journal: Checksum = msgspec.field(default_factory=Checksum)


def prove(ledger: Ledger) -> Counts:
    """Prove the whole ledger.

    :raises Wrong: something is not as it must be; what, says its message.
    """
    counts, promises, beside = (
        Counts(),
        ProgressReconciler(),
        DerivedCheck(ledger.load, ledger.entry_refs),
    )
    open_accounts = _prove_accounts(ledger, counts, promises)
    _prove_customers(ledger.customers, open_accounts, counts)
    posted = _prove_entries(beside.entries(ledger.entries), counts, promises)
    if posted != counts.lines:
        raise Wrong(f"{counts.lines - posted} lines belong to no entry of the journal")
    for currency, sum_minor in sorted(counts.sums_minor.items()):
        if sum_minor:
            raise Wrong(f"all balances in {currency} sum to {sum_minor}, not to zero")
    _prove_progress(beside.progress(ledger.progress), promises)
    if beside.fault:
        raise Wrong(beside.fault)
    counts.journal = counts.journal.without(ledger.unsealed)
    return counts


def _prove_accounts(ledger: Ledger, counts: Counts, promises: ProgressReconciler) -> int:
    """Prove each account by its lines; say how many of customers are open."""
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
        promises.see_account(account)
        counts.accounts += 1
        counts.lines += account.line_count
        sums_minor[account.currency] += account.balance_minor
        open_accounts += account.status is not AccountStatus.CLOSED and account.owner_id != BANK_ID
    if account_id is not None:
        raise Wrong(f"there are lines of account {account_id}, which does not exist")
    counts.sums_minor = dict(sums_minor)
    return open_accounts


def _prove_account(account: Account, lines: Iterator[Line]) -> None:
    name, number, balance_minor, at = f"account {account.id}", 0, 0, account.created_at
    for number, line in enumerate(lines, 1):
        balance_minor += line.amount_minor
        if line.number != number:
            raise Wrong(f"{name}: line {line.number} stands where line {number} belongs")
        if line.at < at:
            raise Wrong(f"{name}: line {number} bears an earlier time than what is before it")
        at = line.at
        if line.balance_minor != balance_minor:
            raise Wrong(
                f"{name}: line {number} says a balance of {line.balance_minor} "
                f"where its lines sum to {balance_minor}"
            )
    if account.line_count != number:
        raise Wrong(f"{name}: {number} lines are there, and it counts {account.line_count}")
    if account.balance_minor != balance_minor:
        raise Wrong(
            f"{name}: a balance of {account.balance_minor}, and lines that sum to {balance_minor}"
        )
    if account.available_minor < 0:
        raise Wrong(f"{name}: it is {-account.available_minor} below its floor")


def _prove_customers(customers: Iterable[Customer], open_accounts: int, counts: Counts) -> None:
    counted = 0
    for customer in customers:
        counts.customers += 1
        counted += customer.open_accounts
        if customer.left and customer.open_accounts:
            raise Wrong(f"customer {customer.id} has left, and has open accounts")
    if counted != open_accounts:
        raise Wrong(f"{open_accounts} accounts are open, and the customers count {counted}")


def _prove_entries(
    entries: Iterable[Recorded], counts: Counts, promises: ProgressReconciler
) -> int:
    """Prove each entry by itself; say how many lines they have."""
    posted = 0
    for recorded in entries:
        name = f"entry {recorded.entry.id}"
        if digest_of(recorded) != recorded.digest:
            raise Wrong(f"{name}: it is not what was recorded: its digest differs")
        if sum(line.amount_minor for line in recorded.lines):
            raise Wrong(f"{name}: its lines do not sum to zero")
        if recorded.lines and recorded.status is not Status.RECORDED:
            raise Wrong(f"{name}: it was refused, and moved money")
        promises.see_entry(recorded)
        counts.entries += 1
        counts.journal.add(recorded.entry.id)
        posted += len(recorded.lines)
    return posted


def _prove_progress(progress: Iterable[Progress], promises: ProgressReconciler) -> None:
    for each in progress:
        name = f"{each.kind} {each.entry_id}"
        if each.kind != "transfer" and (each.due_at is None) is (each.stage is Stage.OPEN):
            raise Wrong(f"{name}: it is {each.stage}, and due {each.due_at}")
        if each.done_minor > each.amount_minor:
            raise Wrong(f"{name}: {each.done_minor} of {each.amount_minor} came of it")
        promises.see_progress(each)
    fault = promises.fault()
    if fault:
        raise Wrong(fault)
