"""Schedules and their runner: each run once, missed runs in order."""

import logging
import time
from datetime import timedelta
from itertools import pairwise
from threading import Event

import pytest

from accounts_bank.collections.due_work import DueWork
from accounts_bank.collections.runner import Runner
from accounts_bank.errors import Forbidden, InvalidRequest, NotFound, Refused, Unavailable
from accounts_bank.identity import Role
from accounts_bank.ledger.actions import Every
from accounts_bank.ledger.entries import Snapshot
from accounts_bank.ledger.values import Status
from tests.waiting import within

DAY = timedelta(days=1)


def runs(bank, name, schedule) -> list:
    caller = bank.caller(name)
    found = bank.accounts.schedules.runs(caller, schedule.id, before=None, limit=100)
    return found[::-1]


def read(bank, name, schedule):
    return bank.accounts.schedules.read(bank.caller(name), schedule.id)


def test_a_new_schedule_has_no_runs(bank):
    bank.given(ada=100, bob=0)
    schedule = bank.schedule("ada", "bob", 10)
    assert (schedule.stage, schedule.run_count) == ("open", 0)
    assert schedule.next_at == schedule.action.first_at
    assert read(bank, "ada", schedule) == schedule
    assert bank.balances() == {"ada": 100, "bob": 0}


def test_only_due_runs_are_made(bank):
    bank.given(ada=100, bob=0)
    schedule = bank.schedule("ada", "bob", 10)
    assert [bank.due_work.run_due() for _ in range(2)] == [1, 0]
    assert bank.balances() == {"ada": 90, "bob": 10}
    bank.clock.now += DAY
    assert bank.due_work.run_due() == 1
    found = read(bank, "ada", schedule)
    assert (found.run_count, found.next_at) == (2, schedule.action.first_at + 2 * DAY)
    assert [each.status for each in runs(bank, "ada", schedule)] == [Status.RECORDED] * 2


def test_a_schedule_ends_after_its_last_run(bank):
    bank.given(ada=100, bob=0)
    schedule = bank.schedule("ada", "bob", 10, count=2)
    bank.clock.now += 10 * DAY
    assert bank.due_work.run_due() == 2
    found = read(bank, "ada", schedule)
    assert (found.stage, found.run_count, found.next_at) == ("ended", 2, None)
    with pytest.raises(Refused) as caught:
        bank.accounts.schedules.cancel(bank.caller("ada"), schedule.id)
    assert caught.value.code == "schedule_ended"


PAUSE_S = 0.01


@pytest.mark.parametrize(
    ("rent_is_due", "balances"),
    [
        # 10 to Bob, 45 to Cyd, then there are 5 left for three times 10.
        (DAY / 2, {"ada": 5, "bob": 10, "cyd": 45}),
        # 10 to Bob, 10 to Bob, then there are 40 left for 45; 10 and 10 to Bob.
        (3 * DAY / 2, {"ada": 20, "bob": 40, "cyd": 0}),
    ],
)
def test_missed_runs_are_made_in_the_order_of_their_due_times(bank, rent_is_due, balances):
    bank.given(ada=60, bob=0, cyd=0)
    first = bank.clock.now + DAY
    daily = bank.schedule("ada", "bob", 10, first_at=first, count=4)
    rent = bank.schedule("ada", "cyd", 45, first_at=first + rent_is_due, every=Every.ONCE)
    bank.clock.now += 10 * DAY
    assert bank.due_work.run_due() == 5
    assert bank.balances() == balances
    assert (len(runs(bank, "ada", daily)), len(runs(bank, "ada", rent))) == (4, 1)


def test_a_runner_stops_when_all_its_entries_are_replays(bank, monkeypatch):
    bank.given(ada=100, bob=0)
    bank.schedule("ada", "bob", 10)
    stale = bank.store.due(bank.clock.now + DAY, limit=9)
    times = iter([stale, stale])
    monkeypatch.setattr(bank.store, "due", lambda *_, **__: next(times))
    assert bank.due_work.run_due() == 1
    assert bank.balances() == {"ada": 90, "bob": 10}


def test_a_refused_run_is_kept_and_the_next_one_comes(bank):
    bank.given(ada=5, bob=0)
    schedule = bank.schedule("ada", "bob", 10)
    bank.due_work.run_due()
    bank.deposit("ada", 100)
    bank.clock.now += DAY
    bank.due_work.run_due()
    first, second = runs(bank, "ada", schedule)
    assert (first.status, dict(first.details)) == ("funds_insufficient", {"shortfall_minor": 5})
    assert second.status == "recorded"
    seen = bank.accounts.transfers_of(bank.caller("bob"), before=None, limit=9)
    assert [each.recorded.entry.id for each in seen] == [second.entry.id]


def test_a_cancelled_schedule_runs_no_more(bank):
    bank.given(ada=100, bob=0)
    schedule = bank.schedule("ada", "bob", 10)
    for _ in range(2):
        bank.accounts.schedules.cancel(bank.caller("ada"), schedule.id)
    assert bank.due_work.run_due() == 0
    assert read(bank, "ada", schedule).stage == "cancelled"
    assert bank.balances() == {"ada": 100, "bob": 0}


def test_the_payer_and_the_staff_read_a_schedule_and_the_payer_cancels_it(bank):
    bank.given(ada=100, bob=0)
    schedule, schedules = bank.schedule("ada", "bob", 10), bank.accounts.schedules
    teller = bank.caller("till", Role.TELLER)
    assert schedules.read(teller, schedule.id) == schedule
    assert schedules.of(bank.caller("ada"), before=None, limit=9) == [schedule]
    assert schedules.of(bank.caller("bob"), before=None, limit=9) == []
    with pytest.raises(Forbidden):
        schedules.cancel(teller, schedule.id)
    for name in ("bob", "eve"):
        for act in (schedules.read, schedules.cancel):
            with pytest.raises(NotFound):
                act(bank.caller(name), schedule.id)
        with pytest.raises(NotFound):
            schedules.runs(bank.caller(name), schedule.id, before=None, limit=9)


def test_a_first_run_in_the_past_is_refused_unless_it_is_a_retry(bank):
    bank.given(ada=100, bob=0)
    first_at = bank.clock.now
    begun = bank.schedule("ada", "bob", 10, first_at=first_at, key="k")
    bank.clock.now += timedelta(hours=1)
    again = bank.schedule("ada", "bob", 10, first_at=first_at, key="k")
    assert (again.id, again.replayed, again.run_count) == (begun.id, True, 0)
    for key in (None, "other"):
        with pytest.raises(InvalidRequest):
            bank.schedule("ada", "bob", 10, first_at=first_at, key=key)
    late = bank.clock.now - timedelta(seconds=50)
    assert bank.schedule("ada", "bob", 10, first_at=late).next_at == late


def test_two_runners_make_a_run_once(bank):
    bank.given(ada=100, bob=0)
    schedule = bank.schedule("ada", "bob", 10)
    hold = bank.hold("ada", "bob", 10, expires_in_s=1)
    bank.clock.now += DAY / 2
    seen_by_both = bank.due_work._due()
    assert bank.due_work.run_due() == 2
    assert all(outcome.replayed for outcome in bank.store.append([*seen_by_both.values()]))
    assert read(bank, "ada", schedule).run_count == 1
    assert bank.accounts.holds.read(bank.caller("ada"), hold.id).stage == "expired"
    assert bank.balances() == {"ada": 90, "bob": 10}


def test_more_than_a_batch_is_run_to_the_end(bank, monkeypatch):
    monkeypatch.setattr("accounts_bank.collections.due_work.BATCH_MAX", 2)
    bank.given(ada=100, bob=0)
    for _ in range(5):
        bank.schedule("ada", "bob", 1, count=2)
    bank.clock.now += 2 * DAY
    assert bank.due_work.run_due() == 10
    assert bank.balances() == {"ada": 90, "bob": 10}


def test_the_thread_continues_after_an_outage_and_ends_on_close(bank):
    bank.given(ada=100, bob=0)
    bank.schedule("ada", "bob", 10, count=1)
    tried, due = Event(), bank.store.due

    def unavailable(*_, **__):
        tried.set()
        raise Unavailable("away")

    bank.store.due = unavailable
    done = Event()
    due_work = DueWork(bank.store, clock=bank.clock, on_saved=lambda _: done.set())
    runner = Runner()
    runner.add(due_work)
    runner.start()
    assert tried.wait(30)
    bank.store.due = due
    assert done.wait(30)
    runner.close()
    assert bank.balances() == {"ada": 90, "bob": 10}
    bank.schedule("ada", "bob", 10)
    assert due_work.run_due() == 0


def test_the_thread_continues_after_a_bug_and_logs_it_once_with_its_trace(
    bank, caplog, monkeypatch
):
    monkeypatch.setattr("accounts_bank.collections.due_work.PAUSE_S", PAUSE_S)
    bank.given(ada=100, bob=0)
    bank.schedule("ada", "bob", 10, count=1)
    tried, due = [], bank.store.due

    def broken(*given, **limits):
        tried.append(time.monotonic())
        if len(tried) < 6:
            raise KeyError("ours")
        return due(*given, **limits)

    bank.store.due = broken
    done = Event()
    due_work = DueWork(bank.store, clock=bank.clock, on_saved=lambda _: done.set())
    runner = Runner()
    runner.add(due_work)
    runner.start()
    assert within(30, lambda: due_work.failing)
    assert done.wait(30)
    assert within(30, lambda: not due_work.failing)
    runner.close()
    assert bank.balances() == {"ada": 90, "bob": 10}
    told = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert [(each.message, each.exc_info[0]) for each in told] == [("due_failed", KeyError)]
    waited_s = [after - before for before, after in pairwise(tried)]
    assert all(each > PAUSE_S * 2**faults for faults, each in enumerate(waited_s[:5]))


def test_a_failing_entry_delays_no_other_and_is_tried_again(bank, caplog, monkeypatch):
    bank.given(ada=100, bob=0, cyd=0)
    first_at, append = bank.clock.now + DAY, bank.store.append
    bad = bank.schedule("ada", "bob", 20, first_at=first_at, count=3)
    for number in range(1, 6):
        bank.schedule("ada", "cyd", 1, first_at=first_at + number * DAY / 3, count=2)
    hold = bank.hold("ada", "bob", 10, expires_in_s=1)
    bank.clock.now += 10 * DAY

    def broken(entries):
        if any(getattr(each.action, "schedule_id", None) == bad.id for each in entries):
            raise KeyError("ours")
        return append(entries)

    monkeypatch.setattr(bank.store, "append", broken)
    assert [bank.due_work.run_due() for _ in range(2)] == [11, 0]
    assert bank.balances() == {"ada": 90, "bob": 0, "cyd": 10}
    assert bank.accounts.holds.read(bank.caller("ada"), hold.id).stage == "expired"
    (told,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert (told.message, told.context) == ("due_failed", {"entry_id": bad.id})
    monkeypatch.setattr(bank.store, "append", append)
    assert bank.due_work.run_due() == 0
    monkeypatch.setattr(
        "accounts_bank.collections.due_work.monotonic", lambda: time.monotonic() + 61
    )
    assert bank.due_work.run_due() == 3
    assert bank.balances() == {"ada": 30, "bob": 60, "cyd": 10}


@pytest.mark.parametrize("fault", ["unreadable", "missing"])
def test_a_schedule_that_does_not_load_delays_no_other(bank, caplog, monkeypatch, fault):
    bank.given(ada=100, bob=0)
    bad, *_ = [bank.schedule("ada", "bob", 10, count=1) for _ in range(5)]
    hold, load = bank.hold("ada", "bob", 10, expires_in_s=1), bank.store.load
    bank.clock.now += DAY

    def broken(needs):
        if bad.id not in needs.entries:
            return load(needs)
        if fault == "unreadable":
            raise ValueError("no such kind")
        return Snapshot()

    monkeypatch.setattr(bank.store, "load", broken)
    assert [bank.due_work.run_due() for _ in range(2)] == [5, 0]
    assert bank.balances() == {"ada": 60, "bob": 40}
    assert bank.accounts.holds.read(bank.caller("ada"), hold.id).stage == "expired"
    (told,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert (told.message, told.context) == ("due_failed", {"entry_id": bad.id})


def test_the_runner_reports_failing_while_one_entry_fails(bank, monkeypatch):
    monkeypatch.setattr("accounts_bank.collections.due_work.PAUSE_MAX_S", 0.05)
    bank.given(ada=100, bob=0)
    bad, append = bank.schedule("ada", "bob", 10, count=1), bank.store.append
    bank.schedule("ada", "bob", 1, count=1)
    failed, is_mended = [], Event()

    def broken(entries):
        if not is_mended.is_set() and any(each.action.schedule_id == bad.id for each in entries):
            failed.append(len(entries))
            raise KeyError("ours")
        return append(entries)

    monkeypatch.setattr(bank.store, "append", broken)
    runner = Runner()
    runner.add(bank.due_work)
    runner.start()
    assert within(30, lambda: failed.count(1) > 2)
    assert within(30, lambda: bank.due_work.failing)
    assert bank.balances() == {"ada": 99, "bob": 1}
    is_mended.set()
    assert within(30, lambda: not bank.due_work.failing)
    runner.close()
    assert bank.balances() == {"ada": 89, "bob": 11}


def test_every_run_wakes_the_sealer(bank):
    bank.given(ada=100, bob=0)
    bank.schedule("ada", "bob", 10)
    before = bank.seals
    bank.due_work.run_due()
    bank.due_work.run_due()
    assert bank.seals == before + 1
