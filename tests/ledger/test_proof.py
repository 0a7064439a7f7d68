"""The proof: each value that contradicts the others is found and named."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from accounts_bank.ledger.actions import (
    BulkMode,
    CancelSchedule,
    CloseAccount,
    Every,
    Expire,
    Leave,
    Void,
)
from accounts_bank.ledger.entries import Ledger, Recorded, digest_of
from accounts_bank.ledger.integrity.checksums import Checksum, ProgressReconciler
from accounts_bank.ledger.integrity.proof import BooksWrong, prove
from accounts_bank.ledger.values import (
    Account,
    AccountStatus,
    Customer,
    EntryRef,
    Line,
    Progress,
    Stage,
    Status,
)
from tests.helpers import START
from tests.ledger.bank import Bank

LATE = START + timedelta(seconds=60)


@pytest.fixture(scope="module")
def bank():
    """Fill a bank with holds, schedules and transfers, and with later entries on them."""
    bank = Bank(ada=1000, bob=0, cyd=0)
    sent = bank.transfer("ada", "bob", 30)
    bank.say(sent, entry_id="sent")
    bank.say(replace(sent, amount_minor=5000), entry_id="refused")
    for amount_minor in (10, 5):
        bank.say(bank.back(sent, "sent", amount_minor))
    hold = bank.hold("ada", "bob", 40)
    for name in ("captured", "voided", "expired", "open"):
        bank.say(hold, entry_id=name)
    bank.say(bank.capture(hold, "captured", 25))
    bank.say(Void("voided", hold.from_account))
    bank.say(Expire("expired", hold.from_account), at=LATE)
    plan = bank.schedule("ada", "bob", 7, every=Every.DAY, count=2)
    for name in ("planned", "running", "ended", "cancelled"):
        bank.say(plan, entry_id=name)
    run = replace(sent, amount_minor=7)
    for name in ("running", "ended", "ended"):
        bank.say(replace(run, schedule_id=name))
    bank.say(CancelSchedule("cancelled", plan.from_account))
    bank.say(replace(run, schedule_id="cancelled"))  # schedule_ended: no run
    bank.bulk("many", BulkMode.ATOMIC, sent, replace(sent, amount_minor=5000))
    bank.say(CloseAccount(bank.opened["cyd"], "owner-cyd"))
    bank.say(Leave("owner-cyd"))
    return bank


class Copy:
    """The ledger as lists, which a test alters."""

    def __init__(self, bank: Bank) -> None:
        self.load, self.ledger = bank.store.load, bank.store.ledger
        with bank.store.ledger() as ledger:
            self.accounts: list[Account] = list(ledger.accounts)
            self.customers: list[Customer] = list(ledger.customers)
            self.lines: list[Line] = list(ledger.lines)
            self.entries: list[Recorded] = list(ledger.entries)
            self.progress: list[Progress] = list(ledger.progress)
            self.entry_refs: list[EntryRef] = list(ledger.entry_refs)
            self.unsealed: list[str] = list(ledger.unsealed)
            self.head = ledger.head

    def prove(self) -> Any:
        return prove(
            Ledger(
                iter(self.accounts),
                iter(self.customers),
                iter(self.lines),
                iter(self.entries),
                iter(self.progress),
                iter(self.entry_refs),
                iter(self.unsealed),
                head=self.head,
                load=self.load,
            )
        )

    def fault(self) -> str:
        with pytest.raises(BooksWrong) as found:
            self.prove()
        return str(found.value)

    def alter(self, what: str, name: str, **changes: Any) -> None:
        """Change one value; an entry gets the digest that fits the change."""
        items: list[Any] = getattr(self, what)
        number = next(n for n, each in enumerate(items) if name_of(each) == name)
        items[number] = replace(items[number], **changes)
        if isinstance(items[number], Recorded) and "digest" not in changes:
            items[number] = replace(items[number], digest=digest_of(items[number]))


def name_of(item: Any) -> str:
    if isinstance(item, Recorded):
        return item.entry.id
    if isinstance(item, Line):
        return f"{item.account_id}/{item.number}"
    return str(item.entry_id if isinstance(item, Progress) else item.id)


@pytest.fixture
def copy(bank):
    return Copy(bank)


def test_right_books_are_counted(bank, copy):
    counts = copy.prove()
    assert (counts.accounts, counts.customers) == (4, 3)
    assert counts.entries == len(copy.entries)
    assert counts.lines == len(copy.lines) == 16
    assert counts.sums_minor == {"EUR": 0}
    assert counts.journal.difference() is None  # all of it waits for the audit log


def test_unsealed_entries_are_left_out_of_the_journals_checksum(copy):
    copy.unsealed.remove("sent")
    assert copy.prove().journal.difference() == "sent"


PROGRESS_FAULTS = [
    ("open", {"amount_minor": 41}, "hold open: .*(its amount)"),
    ("open", {"amount_minor": 39}, "hold open: .*(its amount)"),
    ("open", {"account_id": "till-eur-0"}, "account more than one: .*(held amount)"),
    ("open", {"stage": Stage.VOIDED}, "hold open: it is voided, and due"),
    ("open", {"due_at": None}, "hold open: it is open, and due None"),
    ("open", {"stage": Stage.EXPIRED, "due_at": None}, "hold open: .*(open)"),
    ("voided", {"stage": Stage.EXPIRED}, "hold voided: .*(voided)"),
    ("voided", {"done_minor": 1}, "hold voided: .*(captured amount)"),
    ("captured", {"done_minor": 24}, "hold captured: .*(captured amount)"),
    ("captured", {"done_minor": 41}, "hold captured: 41 of 40 came of it"),
    ("captured", {"stage": Stage.VOIDED}, "hold captured: .*(voided)"),
    ("expired", {"stage": Stage.CAPTURED}, "hold expired: .*(expired)"),
    ("sent", {"done_minor": 14}, "transfer sent: .*(reversed amount)"),
    ("sent", {"done_minor": 31}, "transfer sent: 31 of 30 came of it"),
    ("planned", {"amount_minor": 8}, "schedule planned: .*(its amount)"),
    ("planned", {"done_count": 1}, "schedule planned: .*(its runs)"),
    ("running", {"done_count": 0}, "schedule running: .*(its runs)"),
    ("ended", {"done_count": 3}, "schedule ended: .*(its runs)"),
    ("planned", {"stage": Stage.CANCELLED, "due_at": None}, "schedule planned: .*(cancelled)"),
    ("cancelled", {"stage": Stage.ENDED}, "schedule cancelled: .*(cancelled)"),
    ("cancelled", {"due_at": START}, "schedule cancelled: it is cancelled, and due"),
    ("open", {"due_at": START}, "hold open: it is due .*00:01:00+00:00"),
    ("planned", {"due_at": LATE}, "schedule planned: it is due .*00:00:00+00:00"),
    ("sent", {"due_at": START}, "transfer sent: it is due .*and the journal says None"),
    ("voided", {"account_id": "till-eur-0"}, "hold voided: account .*does not pay for it"),
    ("planned", {"account_id": "nobody"}, "schedule planned: account .*does not pay for it"),
    ("sent", {"account_id": "till-eur-0"}, "transfer sent: account .*does not pay for it"),
]


@pytest.mark.parametrize(("name", "changes", "fault"), PROGRESS_FAULTS)
def test_progress_agrees_with_the_journal(copy, name, changes, fault):
    copy.alter("progress", name, **changes)
    before, _, what = fault.partition(".*")
    assert copy.fault().startswith(before)
    assert copy.fault().endswith(what)


@pytest.mark.parametrize("name", ["open", "voided", "captured", "sent", "planned", "running"])
def test_missing_progress_is_detected(copy, name):
    copy.progress = [each for each in copy.progress if each.entry_id != name]
    assert "the journal differs (" in copy.fault()


@pytest.mark.parametrize("kind", ["hold", "schedule", "transfer"])
def test_progress_without_an_entry_is_detected(copy, kind):
    of = {"hold": "voided", "schedule": "cancelled", "transfer": "sent"}[kind]
    found = next(each for each in copy.progress if each.entry_id == of)
    copy.progress.append(replace(found, entry_id="zz"))
    assert f"{kind} zz: the journal differs (" in copy.fault()


MENTIONED = ["open", "planned", "cancelled", "sent", "captured", "voided", "expired", "running"]
"""Entries that are listed under their parties, or that list later entries."""


def entry_refs_at(copy, name):
    return [each for each in copy.entry_refs if name in {each.entry_id, each.of_id}]


@pytest.mark.parametrize("name", MENTIONED)
def test_a_missing_entry_ref_is_detected(copy, name):
    for entry_ref in entry_refs_at(copy, name):
        copy.entry_refs = [each for each in entry_refs_of(copy) if each != entry_ref]
        listed = f"{entry_ref.kind} {entry_ref.entry_id} is mentioned under {entry_ref.of_id}, and"
        assert copy.fault() == f"{listed} the journal differs"


def entry_refs_of(copy):
    with copy.ledger() as ledger:
        return list(ledger.entry_refs)


@pytest.mark.parametrize(
    "changes", [{"of_id": "owner-eve"}, {"kind": "hold"}, {"at": LATE}, {"entry_id": "refused"}]
)
def test_a_wrong_entry_ref_is_detected(copy, changes):
    (one, *_) = entry_refs_at(copy, "sent")
    copy.entry_refs.append(replace(one, **changes))
    copy.entry_refs.sort(key=lambda each: each.entry_id)
    assert "and the journal differs" in copy.fault()


def test_a_repeated_entry_ref_is_detected(copy):
    copy.entry_refs.insert(0, copy.entry_refs[0])
    assert "and the journal differs" in copy.fault()


def test_an_entry_ref_without_an_entry_is_detected(copy):
    copy.entry_refs.append(replace(copy.entry_refs[-1], entry_id="zz"))
    assert copy.fault().endswith("which is not in the journal")


@pytest.mark.parametrize("what", ["progress", "accounts"])
def test_the_held_amount_is_the_sum_of_the_open_holds(bank, copy, what):
    ada = bank.opened["ada"]
    if what == "accounts":
        copy.alter("accounts", ada, held_minor=39)
    else:
        copy.alter("progress", "open", amount_minor=39)
        copy.alter("entries", "open", entry=replaced_amount(copy, "open", 39))
    assert copy.fault() == f"account {ada}: the journal differs (held amount)"


def replaced_amount(copy, name, amount_minor):
    (kept,) = [each.entry for each in copy.entries if each.entry.id == name]
    return replace(kept, action=replace(kept.action, amount_minor=amount_minor))


def test_an_account_below_its_floor_is_detected(bank, copy):
    ada = bank.opened["ada"]
    available_minor = bank.account("ada").available_minor
    copy.alter("accounts", ada, floor_minor=available_minor + 1)
    assert copy.fault() == f"account {ada}: it is 1 below its floor"


ACCOUNTS = [
    ({"balance_minor": 1}, "a balance of 1, and lines that sum to"),
    ({"line_count": 3}, "lines are there, and it counts 3"),
    ({"id": "zz"}, "there are lines of account"),
    ({"currency": "USD"}, "all balances in EUR sum to -61, not to zero"),
    ({"status": AccountStatus.CLOSED}, "1 accounts are open, and the customers count 2"),
    ({"owner_id": "bank"}, "1 accounts are open, and the customers count 2"),
]


@pytest.mark.parametrize(("changes", "fault"), ACCOUNTS)
def test_an_account_agrees_with_its_lines(bank, copy, changes, fault):
    copy.alter("accounts", bank.opened["bob"], **changes)
    copy.accounts.sort(key=lambda each: each.id)
    assert fault in copy.fault()


LINES = [
    ({"amount_minor": 1}, "account {bob}: line 2 says a balance of"),
    ({"balance_minor": 1}, "account {bob}: line 2 says a balance of 1 where its lines sum to"),
    ({"number": 9}, "account {bob}: line 9 stands where line 2 belongs"),
    ({"at": START}, "account {bob}: line 2 bears an earlier time than what is before it"),
    ({"account_id": "0"}, "there are lines of account 0, which does not exist"),
    ({"account_id": "zz"}, "account {bob}: "),
]


@pytest.mark.parametrize(("changes", "fault"), LINES)
def test_a_line_follows_from_the_one_before(bank, copy, changes, fault):
    bob = bank.opened["bob"]
    copy.alter("lines", f"{bob}/2", **changes)
    copy.lines.sort(key=lambda each: each.account_id)
    assert fault.format(bob=bob) in copy.fault()


def test_lines_without_an_account_are_detected_at_the_end_too(bank, copy):
    copy.lines.append(replace(copy.lines[-1], account_id="zz", number=1))
    assert copy.fault() == "there are lines of account zz, which does not exist"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"open_accounts": 2}, "2 accounts are open, and the customers count 3"),
        ({"left": True}, "customer owner-ada has left, and has open accounts"),
    ],
)
def test_a_customer_counts_its_accounts(copy, changes, fault):
    copy.alter("customers", "owner-ada", **changes)
    assert copy.fault() == fault


def test_an_entry_that_was_altered_has_another_digest(copy):
    copy.alter("entries", "sent", status=Status.ACCOUNT_FROZEN, digest="0")
    assert copy.fault() == "entry sent: it was changed: its digest differs"


def test_lines_of_an_entry_sum_to_zero(copy):
    (kept,) = [each for each in copy.entries if each.entry.id == "sent"]
    copy.alter("entries", "sent", lines=kept.lines[:1])
    assert copy.fault() == "entry sent: its lines do not sum to zero"


def test_a_refused_entry_has_no_lines(copy):
    copy.alter("entries", "sent", status=Status.ACCOUNT_FROZEN)
    assert copy.fault() == "entry sent: it was refused, and moved money"


def test_lines_without_an_entry_are_counted(copy):
    copy.entries = [each for each in copy.entries if each.entry.id != "sent"]
    assert copy.fault() == "2 lines belong to no entry of the journal"


def test_a_checksum_names_the_single_difference():
    checksum = Checksum()
    for each in ("a", "b", "c"):
        checksum.add(each)
    assert checksum.without(["a", "c"]).difference() == "b"
    assert checksum.without("abc").difference() is None
    assert checksum.without("a").difference() == "more than one"
    assert checksum.without("abcd").difference() == "d"
    assert checksum.count == 3


@pytest.mark.parametrize(
    ("weights", "left"),
    [
        ({"ab": 5}, "ab"),
        ({"ab": -5}, "ab"),
        ({"ab": 5, "cd": -5}, "more than one"),
        ({"ab": 2, "cd": -5}, "more than one"),
        ({"\x02": 1, "\x01": -2}, "more than one"),
        ({"\x01": 3}, "\x01"),
        ({"é": 1}, "é"),
        ({"é": 2, "\x01": -1}, "\x01\ufffdQ"),  # no id at all, and named as well as it can be
        ({}, None),
    ],
)
def test_a_checksum_adds_weights(weights, left):
    checksum = Checksum()
    for each, weight in weights.items():
        checksum.add(each, weight)
    assert checksum.difference() == left


def test_a_bank_without_progress_has_no_fault():
    assert ProgressReconciler().fault() is None


def test_an_empty_bank_is_right():
    assert Bank().proven().entries == 0
