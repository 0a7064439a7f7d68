"""Bulk: an outcome for each transfer, as the mode says, and the same outcomes for a retry."""

import pytest
from msgspec.structs import replace

from accounts_bank.ledger.actions import Bulk, BulkMode, Deposit, OpenAccount
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Entry, Snapshot
from accounts_bank.ledger.values import Status
from tests.helpers import START
from tests.ledger.bank import Bank

EACH, STOP, ATOMIC = BulkMode.EACH, BulkMode.STOP, BulkMode.ATOMIC


@pytest.fixture
def bank():
    return Bank(ada=100, bob=0)


def transfers(bank, *amounts_minor):
    return [bank.transfer("ada", "bob", each) for each in amounts_minor]


def statuses_of(outcomes):
    return [str(each.status) for each in outcomes]


NO, STOPPED, ABORTED = "funds_insufficient", "bulk_stopped", "bulk_aborted"
YES = "recorded"
RANDOM_ID = "01a225a9-3d78-7296-8b8e-3c25de537128"
"""The id of an entry without a key, a UUIDv7."""
TABLE = [
    (EACH, [40, 70, 60], [YES, YES, NO, YES], 0),
    (STOP, [40, 70, 60], [YES, YES, NO, STOPPED], 60),
    (ATOMIC, [40, 70, 60], [ABORTED, ABORTED, NO, ABORTED], 100),
    (ATOMIC, [40, 60], [YES, YES, YES], 0),
    (STOP, [40, 60], [YES, YES, YES], 0),
    (STOP, [101, 1, 1], [YES, NO, STOPPED, STOPPED], 100),
    (ATOMIC, [101, 1], [ABORTED, NO, ABORTED], 100),
    (ATOMIC, [100, 1], [ABORTED, ABORTED, NO], 100),
    *((mode, [], [YES], 100) for mode in BulkMode),
]


@pytest.mark.parametrize(("mode", "amounts_minor", "statuses", "left_minor"), TABLE)
def test_a_bulk_is_decided_once_as_its_mode_says(bank, mode, amounts_minor, statuses, left_minor):
    first = bank.bulk("many", mode, *transfers(bank, *amounts_minor))
    assert statuses_of(first) == statuses
    assert not any(each.replayed for each in first)
    assert bank.figures("ada")[0] == left_minor
    again = bank.bulk("many", mode, *transfers(bank, *amounts_minor))
    assert [each.recorded for each in again] == [each.recorded for each in first]
    assert [each.replayed for each in again] == [bool(each.recorded.digest) for each in first]
    assert bank.figures("ada")[0] == left_minor
    bank.proven()


def test_an_aborted_bulk_keeps_the_refusal_and_its_index(bank):
    head, _, refused, _ = bank.bulk("many", ATOMIC, *transfers(bank, 40, 70, 60))
    assert head.recorded.details == (("index", 1),)
    assert refused.recorded.details == (("shortfall_minor", 10),)
    kept = [bank.store.entry(each) for each in ("many", "many/0", "many/1", "many/2")]
    assert [bool(each) for each in kept] == [True, False, True, False]
    assert kept[1:3] == [None, refused.recorded]


def test_transfers_that_were_not_tried_leave_no_trace(bank):
    bank.bulk("many", STOP, *transfers(bank, 101, 1))
    assert bank.store.entry("many/0").status == NO
    assert bank.store.entry("many/1") is None
    batch = bank.bulk_of("more", STOP, *transfers(bank, 101, 1))
    untold = bank.store.append(batch)[2].recorded
    assert (untold.entry, untold.at, untold.digest) == (batch[2], batch[2].at, "")


def test_an_aborted_bulk_undoes_its_transfers_alone(bank):
    """The effects of earlier entries of the batch stay, and later entries build on them."""
    opening = bank.entry(OpenAccount("cyd", "Main", "EUR"), entry_id="new")
    bank.say(bank.schedule("ada", "bob", 10), entry_id="plan")
    run = replace(bank.transfer("ada", "bob", 10), schedule_id="plan")
    outcomes = bank.store.append([
        opening,
        bank.entry(bank.hold("ada", "bob", 20), entry_id="held"),
        *bank.bulk_of("many", ATOMIC, run, *transfers(bank, 71)),
        *bank.bulk_of("few", EACH, run),
        bank.entry(bank.transfer("ada", "bob", 5)),
    ])  # fmt: skip
    assert statuses_of(outcomes) == [YES, YES, ABORTED, ABORTED, NO, YES, YES, YES]
    assert bank.figures("ada") == (85, 20)
    assert bank.store.account("new").owner_id == "cyd"
    assert (bank.progress("held").amount_minor, bank.progress("plan").done_count) == (20, 1)
    found = bank.store.entries_of("owner-ada", "transfer", before=None, limit=9)
    assert len(found) == 2
    bank.proven()


@pytest.mark.parametrize("mode", BulkMode)
def test_two_bulks_of_one_batch_are_independent(bank, mode):
    batch = bank.bulk_of("one", ATOMIC, *transfers(bank, 40, 70))
    batch += bank.bulk_of("two", mode, *transfers(bank, 40, 60))
    batch += bank.bulk_of("three", ATOMIC, *transfers(bank, 1))
    assert statuses_of(bank.store.append(batch)) == [
        ABORTED,
        ABORTED,
        NO,
        YES,
        YES,
        YES,
        ABORTED,
        NO,
    ]
    assert bank.figures("ada")[0] == 0
    bank.proven()


@pytest.mark.parametrize("mode", BulkMode)
def test_the_same_bulk_twice_in_one_batch_is_done_once(bank, mode):
    batch = bank.bulk_of("one", mode, *transfers(bank, 40, 70, 5))
    first, again = [statuses_of(part) for part in halves(bank.store.append(batch + batch))]
    assert first == again
    assert bank.figures("ada")[0] == {EACH: 55, STOP: 60, ATOMIC: 100}[mode]


def halves(outcomes):
    middle = len(outcomes) // 2
    return outcomes[:middle], outcomes[middle:]


@pytest.mark.parametrize("mode", BulkMode)
def test_another_bulk_with_the_same_id_is_refused(bank, mode):
    bank.bulk("many", mode, *transfers(bank, 1, 2))
    other = bank.bulk("many", mode, *transfers(bank, 3, 4, 5), digest="other")
    assert statuses_of(other) == ["key_reused"] * 4
    assert bank.store.entry("many/2") is None
    assert bank.figures("ada")[0] == 97


def test_the_id_of_another_entry_is_refused_for_a_bulk(bank):
    bank.say(Deposit(bank.opened["ada"], 1, "EUR"), entry_id="many")
    assert statuses_of(bank.bulk("many", EACH, *transfers(bank, 1))) == ["key_reused"] * 2


@pytest.mark.parametrize("taken", ["many", "other"])
def test_a_part_with_the_id_of_another_entry_aborts_the_bulk(bank, taken):
    bank.say(Deposit(bank.opened["ada"], 1, "EUR"), entry_id="other")
    batch = bank.bulk_of("many", ATOMIC, *transfers(bank, 1, 2))
    batch[2] = replace(batch[2], id=taken)
    for _ in range(2):
        assert statuses_of(bank.store.append(batch)) == [ABORTED, ABORTED, "key_reused"]
    assert bank.store.entry("other").status == YES
    assert bank.store.entry("many").status == ABORTED
    bank.proven()


@pytest.mark.parametrize("count", [0, 1, 3, -1])
def test_a_bulk_with_another_count_raises(bank, count):
    head, *parts = bank.bulk_of("many", EACH, *transfers(bank, 1, 2))
    head = replace(head, action=Bulk(EACH, count, "d"))
    if count in {0, 1}:  # the remaining parts belong to no bulk of the batch
        assert len(bank.store.append([head, *parts])) == 3
        return
    with pytest.raises(ValueError, match=r"bulk many|islice"):
        bank.store.append([head, *parts])
    assert bank.store.entry("many") is None


@pytest.mark.parametrize("wrong", [Deposit("a", 1, "EUR"), Bulk(EACH, 0, "d"), None])
def test_a_bulk_followed_by_other_entries_raises(bank, wrong):
    head, part = bank.bulk_of("many", EACH, *transfers(bank, 1))
    action = wrong or replace(part.action, bulk_id="another")
    with pytest.raises(ValueError, match="bulk many is not followed by its 1 transfers"):
        bank.store.append([head, replace(part, action=action)])


def test_decide_does_not_change_the_snapshot(bank):
    snapshot = Snapshot({}, {}, {}, {})
    entries = [Entry("new", "c", START, OpenAccount("ada", "n", "EUR"))]
    entries += bank.bulk_of("many", ATOMIC, *transfers(bank, 1))
    decide(snapshot, entries)
    assert snapshot == Snapshot({}, {}, {}, {})


@pytest.mark.parametrize(("mode", "amounts_minor", "statuses", "left_minor"), TABLE)
def test_a_bulk_without_a_key_is_decided_alike_and_its_refusals_leave_no_row(
    bank, mode, amounts_minor, statuses, left_minor
):
    keyed = Bank(ada=100, bob=0).bulk("many", mode, *transfers(bank, *amounts_minor))
    outcomes = bank.bulk(RANDOM_ID, mode, *transfers(bank, *amounts_minor))
    assert statuses_of(outcomes) == statuses
    assert [each.recorded.details for each in outcomes] == [each.recorded.details for each in keyed]
    assert bank.figures("ada")[0] == left_minor
    for outcome in outcomes:
        kept = bank.store.entry(outcome.recorded.entry.id)
        assert (kept is not None) is (outcome.status is Status.RECORDED)
    bank.proven()


def test_a_refusal_without_a_key_leaves_no_row_and_one_with_a_key_does(bank):
    (too_much,) = transfers(bank, 101)
    assert bank.say(too_much, entry_id=RANDOM_ID) == NO
    assert bank.store.entry(RANDOM_ID) is None
    assert bank.say(too_much, entry_id="one") == NO
    assert bank.store.entry("one").status == NO
    bank.proven()
