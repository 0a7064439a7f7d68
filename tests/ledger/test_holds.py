"""Holds: every state with every action, and its effect on the payer's account."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from accounts_bank.ledger.actions import (
    CancelSchedule,
    Capture,
    CloseAccount,
    Deposit,
    Expire,
    FreezeAccount,
    Hold,
    SetCreditLimit,
    Transfer,
    Void,
    Withdrawal,
)
from accounts_bank.ledger.values import AMOUNT_MAX_MINOR, Stage
from tests.helpers import START
from tests.ledger.bank import Bank

EARLY, LATE = START + timedelta(seconds=59), START + timedelta(seconds=60)

STATES = ("none", "open", "over", "captured", "voided", "expired", "schedule", "reversed")
ACTIONS = ("capture", "part", "more", "void", "expire")
TABLE = {
    "none": ("entry_unknown",) * 5,
    "open": ("recorded", "recorded", "capture_too_large", "recorded", "precondition_failed"),
    "over": ("hold_expired", "hold_expired", "hold_expired", "hold_expired", "recorded"),
    "captured": ("hold_captured",) * 5,
    "voided": ("hold_voided",) * 5,
    "expired": ("hold_expired",) * 5,
    "schedule": ("entry_unknown",) * 5,  # which is no hold, but has a progress as well
    "reversed": ("entry_unknown",) * 5,  # the same
}


@pytest.fixture
def bank():
    return Bank(ada=100, bob=0, cyd=0)


def hold_in_state(bank, state) -> Hold:
    """Bring the entry `one` into a state; it is a hold of 30 by Ada for Bob, if it is a hold."""
    hold = bank.hold("ada", "bob", 30)
    if state == "schedule":
        bank.say(bank.schedule("ada", "bob", 30, first_at=LATE), entry_id="one")
    elif state == "reversed":
        sent = bank.transfer("ada", "bob", 30)
        bank.say(sent, entry_id="one")
        bank.say(bank.back(sent, "one", 10))
    elif state != "none":
        bank.say(hold, entry_id="one")
    if state in {"captured", "voided", "expired"}:
        name = {"captured": "capture", "voided": "void", "expired": "expire"}[state]
        at = LATE if state == "expired" else EARLY
        assert bank.say(action_of(bank, hold, name), at=at) == "recorded"
    return hold


def action_of(bank, hold, name):
    amounts = {"capture": None, "part": 20, "more": 31}
    if name in amounts:
        return bank.capture(hold, "one", amounts[name])
    return (Void if name == "void" else Expire)("one", hold.from_account)


def test_the_table_has_every_state():
    assert set(TABLE) == set(STATES)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("number", "name"), list(enumerate(ACTIONS)))
def test_a_hold_in_any_state_answers_any_action(bank, state, number, name):
    hold = hold_in_state(bank, state)
    before = bank.figures("ada"), bank.figures("bob"), bank.progress("one")
    at = LATE if state == "over" else EARLY
    outcome = bank.ask(action_of(bank, hold, name), at=at)
    assert outcome.status == TABLE[state][number]
    after = bank.figures("ada"), bank.figures("bob"), bank.progress("one")
    assert (before == after) == (outcome.status != "recorded")
    bank.proven()


@pytest.mark.parametrize(
    ("name", "at", "balances_minor", "stage"),
    [
        ("capture", EARLY, (70, 30), Stage.CAPTURED),
        ("part", EARLY, (80, 20), Stage.CAPTURED),
        ("void", EARLY, (100, 0), Stage.VOIDED),
        ("expire", LATE, (100, 0), Stage.EXPIRED),
    ],
)
def test_the_end_of_a_hold_releases_the_rest(bank, name, at, balances_minor, stage):
    hold = hold_in_state(bank, "open")
    assert bank.figures("ada") == (100, 30)
    assert bank.account("ada").available_minor == 70
    bank.say(action_of(bank, hold, name), at=at)
    assert bank.figures("ada") == (balances_minor[0], 0)
    assert bank.figures("bob") == (balances_minor[1], 0)
    ended = bank.progress("one")
    assert (ended.stage, ended.due_at) == (stage, None)
    assert ended.done_minor == balances_minor[1]
    assert (ended.amount_minor, ended.kind) == (30, "hold")
    assert bank.store.due(LATE, limit=9) == []


def test_a_hold_is_due_when_its_time_is_over(bank):
    bank.say(bank.hold("ada", "bob", 30, expires_in_s=60), entry_id="one")
    assert bank.store.due(EARLY, limit=9) == []
    assert [each.due_at for each in bank.store.due(LATE, limit=9)] == [LATE]


@pytest.mark.parametrize(
    ("between", "amount_minor", "currency", "status"),
    [
        (("ada", "bob"), 100, "EUR", "recorded"),
        (("ada", "bob"), 101, "EUR", "funds_insufficient"),
        (("ada", "ada"), 1, "EUR", "same_account"),
        (("nobody", "nobody"), 1, "EUR", "not_found"),
        (("nobody", "bob"), 1, "EUR", "not_found"),
        (("ada", "nobody"), 1, "EUR", "account_unknown"),
        (("ada", "till-eur-0"), 1, "EUR", "account_unknown"),
        (("till-eur-0", "ada"), 1, "EUR", "not_found"),
        (("ada", "bob"), 1, "USD", "currency_mismatch"),
    ],
)
def test_the_outcome_of_a_hold(bank, between, amount_minor, currency, status):
    payer, payee = (bank.opened.get(name, name) for name in between)
    assert bank.say(Hold(payer, payee, amount_minor, currency, 60)) == status
    assert bank.figures("ada") == (100, 100 if status == "recorded" else 0)


@pytest.mark.parametrize(("name", "status"), [("ada", "account_frozen"), ("bob", "recorded")])
def test_a_frozen_account_permits_no_hold_and_no_capture(bank, name, status):
    hold = hold_in_state(bank, "open")
    bank.say(FreezeAccount(bank.opened[name]))
    assert bank.say(bank.hold("ada", "bob", 1)) == status
    assert bank.say(bank.capture(hold, "one")) == status


def test_a_hold_on_a_frozen_account_can_be_voided(bank):
    hold = hold_in_state(bank, "open")
    bank.say(FreezeAccount(bank.opened["ada"]))
    assert bank.say(Void("one", hold.from_account)) == "recorded"


def test_a_hold_for_a_closed_account_can_only_be_voided(bank):
    hold = hold_in_state(bank, "open")
    assert bank.say(CloseAccount(bank.opened["bob"], "owner-bob")) == "recorded"
    assert bank.say(bank.hold("ada", "bob", 1)) == "account_closed"
    assert bank.say(bank.capture(hold, "one")) == "account_closed"
    assert bank.figures("ada") == (100, 30)
    assert bank.say(Void("one", hold.from_account)) == "recorded"


def test_a_closed_account_permits_no_hold(bank):
    assert bank.say(CloseAccount(bank.opened["cyd"], "owner-cyd")) == "recorded"
    assert bank.say(bank.hold("cyd", "bob", 1)) == "account_closed"


def test_an_account_with_an_open_hold_cannot_be_closed(bank):
    hold_in_state(bank, "open")
    outcome = bank.ask(CloseAccount(bank.opened["ada"], "owner-ada"))
    assert (outcome.status, outcome.recorded.details) == ("holds_open", (("held_minor", 30),))


def test_held_money_cannot_be_spent(bank):
    hold_in_state(bank, "open")
    ada = bank.opened["ada"]
    assert bank.say(bank.transfer("ada", "bob", 71)) == "funds_insufficient"
    assert bank.say(Withdrawal(ada, 71, "EUR")) == "funds_insufficient"
    assert bank.say(bank.hold("ada", "bob", 71)) == "funds_insufficient"
    assert bank.say(bank.transfer("ada", "bob", 70)) == "recorded"


def test_a_credit_limit_cannot_go_below_the_held_amount(bank):
    ada = bank.opened["ada"]
    bank.say(SetCreditLimit(ada, 50))
    bank.say(bank.hold("ada", "bob", 130), entry_id="one")
    outcome = bank.ask(SetCreditLimit(ada, 29))
    assert outcome.status == "funds_insufficient"
    assert outcome.recorded.details == (("shortfall_minor", 1),)
    assert bank.say(SetCreditLimit(ada, 30)) == "recorded"
    assert bank.say(Capture("one", ada, bank.opened["bob"])) == "recorded"
    assert bank.figures("ada") == (-30, 0)
    bank.proven()


def test_a_hold_is_listed_under_both_owners_and_its_end_under_the_hold(bank):
    hold = hold_in_state(bank, "open")
    outcome = bank.ask(bank.capture(hold, "one"), at=EARLY)
    for owner_id in ("owner-ada", "owner-bob"):
        (found,) = bank.store.entries_of(owner_id, "hold", before=None, limit=9)
        assert found.entry.id == "one"
    (found,) = bank.store.entries_of("one", "capture", before=None, limit=9)
    assert found == outcome.recorded


@pytest.mark.parametrize(("kind", "name"), [(Void, "void"), (Expire, "expiry")])
def test_a_void_and_an_expiry_are_listed_under_the_hold(bank, kind, name):
    hold = hold_in_state(bank, "open")
    at = EARLY if kind is Void else LATE
    outcome = bank.ask(kind("one", hold.from_account), at=at)
    assert bank.store.entries_of("one", name, before=None, limit=9) == [outcome.recorded]


def test_a_capture_that_is_too_large_says_the_held_amount(bank):
    hold = hold_in_state(bank, "open")
    assert bank.ask(bank.capture(hold, "one", 31), at=EARLY).recorded.details == (
        ("held_minor", 30),
    )


def test_a_capture_needs_room_at_the_payee_and_leaves_the_hold_open(bank):
    hold = hold_in_state(bank, "open")
    bank.say(Deposit(bank.opened["bob"], AMOUNT_MAX_MINOR - 29, "EUR"))
    assert bank.say(bank.capture(hold, "one")) == "limit_exceeded"
    assert bank.say(bank.capture(hold, "one", 29)) == "recorded"


@pytest.mark.parametrize("payer", ["bob", "cyd", "nobody"])
def test_another_payer_does_not_find_the_hold(bank, payer):
    hold = hold_in_state(bank, "open")
    payer = bank.opened.get(payer, payer)
    for action in (
        Capture("one", payer, hold.to_account),
        Void("one", payer),
        Expire("one", payer),
    ):
        assert bank.say(action, at=LATE) == "entry_unknown"


@pytest.mark.parametrize("payee", ["ada", "cyd", "nobody"])
def test_another_payee_cannot_capture(bank, payee):
    hold = hold_in_state(bank, "open")
    payee = bank.opened.get(payee, payee)
    assert bank.say(Capture("one", hold.from_account, payee)) == "entry_unknown"


def test_a_refused_hold_cannot_be_ended(bank):
    hold = bank.hold("ada", "bob", 101)
    bank.say(hold, entry_id="one")
    assert bank.say(bank.capture(hold, "one")) == "entry_unknown"
    assert bank.say(Void("one", hold.from_account)) == "entry_unknown"


def test_a_hold_cannot_be_cancelled_as_a_schedule(bank):
    hold = hold_in_state(bank, "open")
    assert bank.say(CancelSchedule("one", hold.from_account)) == "entry_unknown"
    run = Transfer(hold.from_account, hold.to_account, 30, "EUR", schedule_id="one")
    assert bank.say(run) == "entry_unknown"
    assert bank.figures("ada") == (100, 30)


def test_a_hold_may_be_made_and_captured_in_one_batch(bank):
    hold = bank.hold("ada", "bob", 30)
    batch = [bank.entry(hold, entry_id="one"), bank.entry(bank.capture(hold, "one"), at=EARLY)]
    assert [each.status for each in bank.store.append(batch)] == ["recorded", "recorded"]
    assert (bank.figures("ada"), bank.figures("bob")) == ((70, 0), (30, 0))
    bank.proven()


def test_a_retried_end_of_a_hold_replays_its_outcome(bank):
    hold = hold_in_state(bank, "open")
    first = bank.ask(bank.capture(hold, "one", 20), entry_id="end", at=EARLY)
    again = bank.ask(bank.capture(hold, "one", 20), entry_id="end", at=LATE)
    assert (again.recorded, again.replayed) == (first.recorded, True)
    assert bank.figures("ada") == (80, 0)


def test_a_capture_has_the_reference_of_its_hold(bank):
    hold = replace(bank.hold("ada", "bob", 30), reference="room 12")
    bank.say(hold, entry_id="one")
    outcome = bank.ask(bank.capture(hold, "one"), at=EARLY)
    assert [line.reference for line in outcome.recorded.lines] == ["room 12"] * 2
