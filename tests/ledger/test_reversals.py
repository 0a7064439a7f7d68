"""Reversals: in full or in part, back to the payer, never more than the transfer."""

import pytest
from msgspec.structs import replace

from accounts_bank.ledger.actions import (
    BulkMode,
    CloseAccount,
    Deposit,
    FreezeAccount,
    Reversal,
    Withdrawal,
)
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Snapshot
from accounts_bank.ledger.values import AMOUNT_MAX_MINOR
from tests.ledger.bank import Bank


@pytest.fixture
def bank():
    bank = Bank(ada=100, bob=0, cyd=0)
    bank.say(bank.transfer("ada", "bob", 30), entry_id="sent")
    return bank


@pytest.fixture
def sent(bank):
    return bank.transfer("ada", "bob", 30)


@pytest.mark.parametrize(
    ("amounts_minor", "statuses", "left_minor"),
    [
        ([None], ["recorded"], 0),
        ([30], ["recorded"], 0),
        ([31], ["reversal_too_large"], 30),
        ([10, 20], ["recorded", "recorded"], 0),
        ([10, 21], ["recorded", "reversal_too_large"], 20),
        ([10, None], ["recorded", "recorded"], 0),
        ([None, None], ["recorded", "reversal_too_large"], 0),
        ([30, 1], ["recorded", "reversal_too_large"], 0),
        ([10, 10, 10, 1], ["recorded"] * 3 + ["reversal_too_large"], 0),
    ],
)
def test_reversals_never_exceed_the_transfer(bank, sent, amounts_minor, statuses, left_minor):
    outcomes = [bank.ask(bank.back(sent, "sent", each)) for each in amounts_minor]
    assert [each.status for each in outcomes] == statuses
    for each in outcomes:
        if each.status == "reversal_too_large":
            assert each.recorded.details == (("left_minor", left_minor),)
    assert (bank.figures("ada"), bank.figures("bob")) == ((100 - left_minor, 0), (left_minor, 0))
    so_far = bank.progress("sent")
    assert (so_far.done_minor if so_far else 0) == 30 - left_minor
    bank.proven()


def test_a_reversal_is_linked_both_ways(bank, sent):
    outcome = bank.ask(replace(bank.back(sent, "sent", 10), reference="sorry"))
    assert bank.store.entries_of("sent", "reversal", before=None, limit=9) == [outcome.recorded]
    assert outcome.recorded.entry.action.transfer_id == "sent"
    received, given_back = outcome.recorded.lines
    assert (received.account_id, received.amount_minor) == (bank.opened["bob"], -10)
    assert (given_back.account_id, given_back.amount_minor) == (bank.opened["ada"], 10)
    assert {line.kind for line in outcome.recorded.lines} == {"reversal"}
    assert {line.reference for line in outcome.recorded.lines} == {"sorry"}
    so_far = bank.progress("sent")
    assert (so_far.kind, so_far.amount_minor) == ("transfer", 30)
    assert so_far.account_id == bank.opened["ada"]
    assert so_far.due_at is None


def test_a_retried_reversal_moves_no_money(bank, sent):
    first = bank.ask(bank.back(sent, "sent", 10), entry_id="back")
    again = bank.ask(bank.back(sent, "sent", 10), entry_id="back")
    assert (again.recorded, again.replayed) == (first.recorded, True)
    assert bank.ask(bank.back(sent, "sent", 11), entry_id="back").status == "key_reused"
    assert bank.figures("bob") == (20, 0)


def test_a_reversal_needs_the_payees_funds(bank, sent):
    bank.say(bank.transfer("bob", "cyd", 25))
    outcome = bank.ask(bank.back(sent, "sent", None))
    assert (outcome.status, outcome.recorded.details) == (
        "funds_insufficient",
        (("shortfall_minor", 25),),
    )
    assert bank.say(bank.back(sent, "sent", 5)) == "recorded"


@pytest.mark.parametrize(("name", "status"), [("ada", "recorded"), ("bob", "account_frozen")])
def test_a_frozen_account_sends_nothing_back(bank, sent, name, status):
    bank.say(FreezeAccount(bank.opened[name]))
    assert bank.say(bank.back(sent, "sent", 1)) == status


@pytest.mark.parametrize("name", ["ada", "bob"])
def test_a_closed_account_takes_part_in_no_reversal(bank, sent, name):
    bank.say(bank.transfer(name, "cyd", bank.figures(name)[0]))
    bank.say(CloseAccount(bank.opened[name], f"owner-{name}"))
    assert bank.say(bank.back(sent, "sent", 31)) == "account_closed"


def test_the_payer_must_have_room(bank, sent):
    bank.say(Deposit(bank.opened["ada"], AMOUNT_MAX_MINOR - 75, "EUR"))
    assert bank.say(bank.back(sent, "sent", 6)) == "limit_exceeded"
    assert bank.say(bank.back(sent, "sent", 5)) == "recorded"


def test_a_reversal_to_or_from_an_unknown_account_is_refused(bank, sent):
    """A reversal names both accounts and is refused if one of them does not exist."""
    kept = bank.store.entry("sent")
    for name in ("ada", "bob"):
        found = Snapshot({bank.opened[name]: bank.account(name)}, {}, {"sent": kept}, {})
        changes = decide(found, [bank.entry(bank.back(sent, "sent", 1))])
        assert changes.outcomes[0].status == "entry_unknown"


@pytest.mark.parametrize(
    ("transfer_id", "payer", "payee"),
    [
        ("nothing", "bob", "ada"),
        ("sent", "ada", "bob"),
        ("sent", "bob", "cyd"),
        ("sent", "cyd", "ada"),
        ("sent", "bob", "nobody"),
        ("sent", "nobody", "ada"),
        ("refused", "bob", "ada"),
        ("paid-in", "ada", "till-eur-0"),
        ("back", "ada", "bob"),
        ("held", "bob", "ada"),
    ],
)
def test_a_reversal_names_a_transfer_and_its_two_accounts(bank, sent, transfer_id, payer, payee):
    bank.say(bank.transfer("ada", "bob", 71), entry_id="refused")
    bank.say(Deposit(bank.opened["ada"], 5, "EUR"), entry_id="paid-in")
    bank.say(bank.back(sent, "sent", 5), entry_id="back")
    bank.say(bank.hold("ada", "bob", 5), entry_id="held")
    payer, payee = (bank.opened.get(name, name) for name in (payer, payee))
    assert bank.say(Reversal(transfer_id, payer, payee, 1)) == "entry_unknown"


def test_a_run_of_a_schedule_and_a_part_of_a_bulk_can_be_reversed(bank, sent):
    bank.say(bank.schedule("ada", "bob", 30), entry_id="plan")
    bank.say(replace(sent, schedule_id="plan"), entry_id="run")
    bank.bulk("many", BulkMode.ATOMIC, bank.transfer("ada", "bob", 30))
    for transfer_id in ("run", "many/0"):
        assert bank.say(bank.back(sent, transfer_id, 10)) == "recorded"
        assert bank.say(bank.back(sent, transfer_id, 21)) == "reversal_too_large"
    assert bank.progress("plan").done_count == 1
    bank.proven()


def test_a_transfer_can_be_reversed_in_the_same_batch(bank, sent):
    batch = [bank.entry(sent, entry_id="more"), bank.entry(bank.back(sent, "more", 10))]
    batch += [bank.entry(bank.back(sent, "more", 21))]
    statuses = [each.status for each in bank.store.append(batch)]
    assert statuses == ["recorded", "recorded", "reversal_too_large"]
    bank.proven()


def test_money_that_was_sent_back_cannot_be_withdrawn(bank, sent):
    bank.say(bank.back(sent, "sent", 20))
    assert bank.say(Withdrawal(bank.opened["bob"], 11, "EUR")) == "funds_insufficient"
