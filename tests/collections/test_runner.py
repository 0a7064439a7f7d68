"""The runner: each job gets its tick in time, from one thread."""

from datetime import UTC, datetime, timedelta
from threading import Event
from time import monotonic

import pytest

from accounts_bank.collections.accounts import AccountCollection
from accounts_bank.collections.due_work import DueWork
from accounts_bank.collections.runner import Runner
from accounts_bank.identity import Caller, Role
from accounts_bank.ledger.actions import Deposit, Hold
from accounts_bank.stores.memory import InMemoryAccountStore
from tests.helpers import Ids
from tests.waiting import within

A_SECOND, SOON = timedelta(seconds=1), timedelta(milliseconds=200)
LATE_MAX = timedelta(seconds=1)
"""The runner is late by a few milliseconds; a loaded machine adds to them."""


def now() -> datetime:
    return datetime.now(UTC)


class Job:
    """Counts its ticks, and returns pauses in turn."""

    def __init__(self, *pauses_s: float | None) -> None:
        self.wake = lambda _in_s: None
        self.pauses_s = list(pauses_s)
        self.ticks: list[float] = []

    def tick(self) -> float | None:
        self.ticks.append(monotonic())
        return self.pauses_s.pop(0) if self.pauses_s else None

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def runner():
    made = Runner()
    made.start()
    yield made
    made.close()


def test_a_job_gets_ticks_after_its_pauses_and_then_none(runner):
    job = Job(0.01, 0.02)
    runner.add(job)
    assert within(10, lambda: len(job.ticks) == 3)
    assert job.ticks[2] - job.ticks[0] >= 0.03


def test_a_job_that_is_woken_gets_a_tick(runner):
    job = Job()
    runner.add(job)
    assert within(10, lambda: len(job.ticks) == 1)
    job.wake(0.01)
    assert within(10, lambda: len(job.ticks) == 2)


def test_a_tick_in_a_thousand_years_delays_no_other(runner):
    far, job = Job(1000 * 365 * 86_400.0), Job()
    runner.add(far)
    assert within(10, lambda: len(far.ticks) == 1)
    runner.add(job)
    assert within(10, lambda: len(job.ticks) == 1)


def test_a_wake_up_during_a_tick_is_not_lost(runner):
    began, goes_on = Event(), Event()

    class Slow(Job):
        def tick(self):
            began.set()
            assert goes_on.wait(10)
            return super().tick()

    job = Slow()
    runner.add(job)
    assert began.wait(10)
    job.wake(0)
    goes_on.set()
    assert within(10, lambda: len(job.ticks) == 2)


def test_a_removed_job_is_closed_and_gets_no_tick(runner):
    job = Job(0.01)
    runner.add(job)
    assert within(10, lambda: job.ticks)
    runner.remove(job)
    job.wake(0)
    assert job.closed
    assert len(runner._next_s) == 0


def test_a_hold_is_freed_at_its_instant(runner):
    store, freed = InMemoryAccountStore(), []
    work = DueWork(store, clock=now, on_saved=lambda _count: freed.append(now()))
    runner.add(work)
    accounts = AccountCollection(
        store,
        clock=lambda: now() - A_SECOND + SOON,
        new_id=Ids(),
        on_saved=lambda _count: None,
        on_due=work.expect,
        customer_cash=True,
    )
    ada = Caller("ada", Role.CUSTOMER, "")
    payer, payee = [accounts.open(ada, name, "EUR").id for name in ("Main", "Other")]
    accounts.deposit(ada, Deposit(payer, 10, "EUR"), None)
    hold = accounts.holds.create(ada, Hold(payer, payee, 10, "EUR", expires_in_s=1), None)
    assert within(10, lambda: freed)
    assert timedelta(0) <= freed[0] - hold.expires_at < LATE_MAX
    assert accounts.account(ada, payer).available_minor == 10
