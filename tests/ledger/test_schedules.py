"""Schedules: the times of their runs, and every state with every action."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from accounts_bank.ledger.actions import (
    CancelSchedule,
    CloseAccount,
    Deposit,
    Every,
    FreezeAccount,
    Schedule,
    Transfer,
    Void,
)
from accounts_bank.ledger.values import Stage
from tests.helpers import START
from tests.ledger.bank import Bank

DAY = timedelta(days=1)


@pytest.fixture
def bank():
    return Bank(ada=100, bob=0, cyd=0)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(hour=9, tzinfo=UTC)


def schedule_of(first: str, every: Every, count: int | None = None) -> Schedule:
    return Schedule("a", "b", 1, "EUR", first_at=day(first), every=every, count=count)


@pytest.mark.parametrize(
    ("first", "every", "number", "run"),
    [
        ("2026-01-31", Every.ONCE, 0, "2026-01-31"),
        ("2026-01-31", Every.ONCE, 1, None),
        ("2026-01-31", Every.DAY, 0, "2026-01-31"),
        ("2026-01-31", Every.DAY, 1, "2026-02-01"),
        ("2026-01-31", Every.DAY, 365, "2027-01-31"),
        ("2026-01-31", Every.WEEK, 1, "2026-02-07"),
        ("2026-01-31", Every.WEEK, 4, "2026-02-28"),
        ("2026-01-31", Every.MONTH, 0, "2026-01-31"),
        ("2026-01-31", Every.MONTH, 1, "2026-02-28"),
        ("2026-01-31", Every.MONTH, 2, "2026-03-31"),
        ("2026-01-31", Every.MONTH, 3, "2026-04-30"),
        ("2026-01-31", Every.MONTH, 11, "2026-12-31"),
        ("2026-01-31", Every.MONTH, 12, "2027-01-31"),
        ("2026-01-31", Every.MONTH, 25, "2028-02-29"),
        ("2026-12-15", Every.MONTH, 1, "2027-01-15"),
        ("2028-02-29", Every.MONTH, 12, "2029-02-28"),
        ("9999-12-31", Every.MONTH, 1, None),
        ("9999-11-30", Every.MONTH, 1, "9999-12-30"),
        ("9999-12-31", Every.DAY, 1, None),
        ("9999-12-30", Every.DAY, 1, "9999-12-31"),
    ],
)
def test_the_time_of_a_run(first, every, number, run):
    assert schedule_of(first, every).time_of_run(number) == (run and day(run))


@pytest.mark.parametrize(("number", "is_due"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_schedule_has_as_many_runs_as_its_count(number, is_due):
    assert (schedule_of("2026-01-31", Every.DAY, count=2).time_of_run(number) is not None) == is_due


@pytest.mark.parametrize(
    ("late_s", "status"), [(0, "recorded"), (60, "recorded"), (61, "first_run_past")]
)
def test_a_first_run_lies_at_most_a_minute_before_the_entry(bank, late_s, status):
    schedule = bank.schedule("ada", "bob", 1, first_at=START)
    assert bank.say(schedule, at=START + timedelta(seconds=late_s)) == status


def test_a_past_first_run_stays_refused_at_an_earlier_time(bank):
    schedule = bank.schedule("ada", "bob", 1, first_at=START)
    assert bank.say(schedule, entry_id="k", at=START + DAY) == "first_run_past"
    assert bank.say(schedule, entry_id="k", at=START) == "first_run_past"


STATES = ("none", "open", "ended", "cancelled", "hold")
TABLE = {  # state -> a run, a cancellation
    "none": ("entry_unknown", "entry_unknown"),
    "open": ("recorded", "recorded"),
    "ended": ("schedule_ended", "schedule_ended"),
    "cancelled": ("schedule_ended", "schedule_ended"),
    "hold": ("entry_unknown", "entry_unknown"),  # which is no schedule, but has a progress as well
}


def run_of(schedule: Schedule) -> Transfer:
    named = schedule.from_account, schedule.to_account
    return Transfer(*named, schedule.amount_minor, "EUR", schedule_id="one")


def schedule_in_state(bank, state) -> Schedule:
    """Bring the entry `one` into a state; it is a schedule of Ada's, if it is a schedule."""
    schedule = bank.schedule("ada", "bob", 30, every=Every.ONCE if state == "ended" else Every.DAY)
    if state == "hold":
        bank.say(bank.hold("ada", "bob", 30), entry_id="one")
    elif state != "none":
        assert bank.say(schedule, entry_id="one") == "recorded"
    if state == "ended":
        assert bank.say(run_of(schedule)) == "recorded"
    if state == "cancelled":
        assert bank.say(CancelSchedule("one", schedule.from_account)) == "recorded"
    return schedule


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("number", [0, 1])
def test_a_schedule_in_any_state_answers_any_action(bank, state, number):
    schedule = schedule_in_state(bank, state)
    before = bank.figures("ada"), bank.figures("bob"), bank.progress("one")
    action = (run_of(schedule), CancelSchedule("one", schedule.from_account))[number]
    status = bank.say(action)
    assert status == TABLE[state][number]
    after = bank.figures("ada"), bank.figures("bob"), bank.progress("one")
    assert (before == after) == (status != "recorded")
    bank.proven()


def test_a_run_moves_money_and_the_schedule(bank):
    schedule = schedule_in_state(bank, "open")
    assert [each.due_at for each in bank.store.due(START, limit=9)] == [START]
    bank.say(run_of(schedule))
    assert (bank.figures("ada"), bank.figures("bob")) == ((70, 0), (30, 0))
    moved_on = bank.progress("one")
    assert (moved_on.done_count, moved_on.due_at) == (1, START + DAY)
    assert moved_on.stage is Stage.OPEN
    assert bank.store.due(START, limit=9) == []


def test_the_last_run_ends_a_schedule(bank):
    schedule = bank.schedule("ada", "bob", 30, count=2)
    bank.say(schedule, entry_id="one")
    assert [bank.say(run_of(schedule)) for _ in range(3)] == [
        "recorded",
        "recorded",
        "schedule_ended",
    ]
    ended = bank.progress("one")
    assert (ended.stage, ended.done_count, ended.due_at) == (Stage.ENDED, 2, None)
    assert bank.figures("ada") == (40, 0)


def test_a_refused_run_counts_and_is_listed(bank):
    schedule = bank.schedule("ada", "bob", 60)
    bank.say(schedule, entry_id="one")
    for number in range(2):
        bank.say(run_of(schedule), entry_id=f"run{number}", at=START + number * DAY)
    found = bank.store.entries_of("one", "transfer", before=None, limit=9)
    assert [(each.entry.id, each.status) for each in found] == [
        ("run1", "funds_insufficient"),
        ("run0", "recorded"),
    ]
    assert found[0].details == (("shortfall_minor", 20),)
    assert (bank.progress("one").done_count, bank.progress("one").stage) == (2, Stage.OPEN)
    bank.proven()


def test_a_retried_run_replays_its_outcome(bank):
    schedule = schedule_in_state(bank, "open")
    first = bank.ask(run_of(schedule), entry_id="run")
    again = bank.ask(run_of(schedule), entry_id="run")
    assert (again.recorded, again.replayed) == (first.recorded, True)
    assert (bank.figures("ada"), bank.progress("one").done_count) == ((70, 0), 1)


@pytest.mark.parametrize("name", ["ada", "bob"])
def test_a_closed_account_ends_a_schedule_at_its_next_run(bank, name):
    schedule = schedule_in_state(bank, "open")
    bank.say(bank.transfer("ada", "cyd", 100))
    bank.say(CloseAccount(bank.opened[name], f"owner-{name}"))
    assert bank.progress("one").stage is Stage.OPEN
    assert bank.say(run_of(schedule)) == "account_closed"
    ended = bank.progress("one")
    assert (ended.stage, ended.done_count, ended.due_at) == (Stage.ENDED, 1, None)
    assert bank.say(run_of(schedule)) == "schedule_ended"
    bank.proven()


def test_a_frozen_account_does_not_end_a_schedule(bank):
    schedule = schedule_in_state(bank, "open")
    bank.say(FreezeAccount(bank.opened["ada"]))
    assert bank.say(run_of(schedule)) == "account_frozen"
    assert (bank.progress("one").stage, bank.progress("one").due_at) == (Stage.OPEN, START + DAY)


@pytest.mark.parametrize(
    ("between", "currency", "status"),
    [
        (("ada", "bob"), "EUR", "recorded"),
        (("cyd", "bob"), "EUR", "recorded"),  # has nothing yet: that is asked at each run
        (("ada", "ada"), "EUR", "same_account"),
        (("nobody", "nobody"), "EUR", "not_found"),
        (("nobody", "bob"), "EUR", "not_found"),
        (("ada", "nobody"), "EUR", "account_unknown"),
        (("ada", "till-eur-0"), "EUR", "account_unknown"),
        (("ada", "bob"), "USD", "currency_mismatch"),
    ],
)
def test_the_outcome_of_a_schedule(bank, between, currency, status):
    payer, payee = (bank.opened.get(name, name) for name in between)
    asked = Schedule(payer, payee, 30, currency, START, Every.DAY)
    assert bank.say(asked, entry_id="one") == status
    assert (bank.progress("one") is not None) == (status == "recorded")


def test_a_new_schedule_is_open_and_due_at_its_first_run(bank):
    bank.say(bank.schedule("ada", "bob", 30, first_at=START + DAY), entry_id="one")
    begun = bank.progress("one")
    assert (begun.kind, begun.account_id) == ("schedule", bank.opened["ada"])
    assert (begun.amount_minor, begun.done_count, begun.due_at) == (30, 0, START + DAY)
    (found,) = bank.store.entries_of("owner-ada", "schedule", before=None, limit=9)
    assert found.entry.id == "one"
    assert bank.store.entries_of("owner-bob", "schedule", before=None, limit=9) == []


@pytest.mark.parametrize("name", ["ada", "bob"])
def test_a_closed_account_permits_no_schedule(bank, name):
    bank.say(bank.transfer("ada", "cyd", 100))
    bank.say(CloseAccount(bank.opened[name], f"owner-{name}"))
    assert bank.say(bank.schedule("ada", "bob", 1)) == "account_closed"


def test_a_cancelled_schedule_keeps_its_runs(bank):
    schedule = schedule_in_state(bank, "open")
    bank.say(run_of(schedule))
    outcome = bank.ask(CancelSchedule("one", schedule.from_account))
    ended = bank.progress("one")
    assert (ended.stage, ended.done_count, ended.due_at) == (Stage.CANCELLED, 1, None)
    assert bank.store.entries_of("one", "schedule_cancelled", before=None, limit=9) == [
        outcome.recorded
    ]


@pytest.mark.parametrize("payer", ["bob", "nobody"])
def test_another_payer_does_not_find_the_schedule(bank, payer):
    schedule = schedule_in_state(bank, "open")
    payer = bank.opened.get(payer, payer)
    bank.say(Deposit(bank.opened["bob"], 30, "EUR"))
    assert bank.say(CancelSchedule("one", payer)) == "entry_unknown"
    run = replace(run_of(schedule), from_account=payer, to_account=schedule.from_account)
    assert bank.say(run) == "entry_unknown"
    assert bank.figures("bob") == (30, 0)


def test_a_schedule_cannot_be_ended_as_a_hold(bank):
    schedule = schedule_in_state(bank, "open")
    assert bank.say(Void("one", schedule.from_account)) == "entry_unknown"
    assert bank.figures("ada") == (100, 0)


def test_a_refused_schedule_does_not_run(bank):
    schedule = bank.schedule("ada", "ada", 30)
    assert bank.say(schedule, entry_id="one") == "same_account"
    assert bank.say(replace(run_of(schedule), to_account=bank.opened["bob"])) == "entry_unknown"
    assert bank.figures("bob") == (0, 0)
