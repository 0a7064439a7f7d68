"""The clock of a bank: bounded by the store's clock, and untouched by steps of the system's."""

import logging
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from accounts_bank.errors import Unavailable
from accounts_bank.ledger.actions import OpenAccount
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Entry
from accounts_bank.stores.base import Present
from accounts_bank.stores.memory import InMemoryAccountStore
from accounts_bank.stores.sql import Database, SqlAccountStore
from accounts_bank.stores.sql.dialects import machine_clock
from accounts_bank.stores.wrappers.clock import StoreClock, TimedAccountStore
from tests.waiting import within

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Machine:
    """A machine with a store, each with a clock of its own, and a steady clock that never steps."""

    def __init__(self, *, is_exact: bool) -> None:
        self.steady_s, self.took_s = 1_000.0, 0.0
        self.system_ahead = self.store_ahead = timedelta()
        self.is_exact, self.last_recorded, self.is_away = is_exact, START - DAY, False

    @property
    def true(self) -> datetime:
        return START + timedelta(seconds=self.steady_s - 1_000)

    def system(self) -> datetime:
        return self.true + self.system_ahead

    def present(self) -> Present:
        if self.is_away:
            raise Unavailable("It does not answer.")
        self.steady_s += self.took_s
        at = self.true - timedelta(seconds=self.took_s / 2) + self.store_ahead
        return Present(at if self.is_exact else self.last_recorded, self.is_exact)

    def clock(self) -> StoreClock:
        return StoreClock(self, system=self.system, steady_s=lambda: self.steady_s)  # type: ignore[arg-type] # one call of a store


@pytest.fixture(params=[True, False], ids=["store with a clock", "store without a clock"])
def machine(request):
    return Machine(is_exact=request.param)


@pytest.fixture
def exact():
    return Machine(is_exact=True)


@pytest.fixture
def recording():
    return Machine(is_exact=False)


def is_right(clock: StoreClock) -> bool:
    try:
        clock.check()
    except Unavailable:
        return False
    return True


@pytest.mark.parametrize("step", [DAY, -HOUR, timedelta(seconds=6), -timedelta(seconds=6)])
def test_a_step_of_the_system_changes_no_time_and_stops_payments_at_once(machine, step):
    clock = machine.clock()
    machine.system_ahead, machine.steady_s = step, machine.steady_s + 3
    assert clock() == machine.true
    assert not is_right(clock)
    clock.read()
    assert (clock(), is_right(clock)) == (machine.true, False)
    machine.system_ahead = timedelta()
    assert (clock(), is_right(clock)) == (machine.true, True)


@pytest.mark.parametrize("ahead_s", [-4.9, -1, 0, 1, 4.9])
def test_a_difference_of_5_s_is_bridged(machine, ahead_s):
    clock = machine.clock()
    machine.system_ahead = timedelta(seconds=ahead_s)
    assert (clock(), is_right(clock)) == (machine.true, True)


@pytest.mark.parametrize("ahead", [DAY, -HOUR])
def test_a_process_that_starts_with_a_wrong_clock_has_the_time_of_the_store(exact, ahead):
    exact.system_ahead = ahead
    clock = exact.clock()
    assert (clock(), is_right(clock)) == (exact.true, False)
    assert clock.difference_s() == ahead.total_seconds()


def test_a_step_of_the_stores_clock_is_noticed_by_the_next_reading(exact):
    clock = exact.clock()
    exact.store_ahead = HOUR
    assert is_right(clock)
    with pytest.raises(Unavailable, match=r"3600\.0 s behind the store"):
        clock.check_now()
    exact.store_ahead = timedelta()
    clock.check_now()


def test_a_clock_before_the_last_recorded_time_is_wrong_until_it_has_passed_it(recording):
    recording.last_recorded = START + HOUR
    clock = recording.clock()
    assert not is_right(clock)
    assert clock.difference_s() == -3600
    recording.steady_s += 3600
    assert is_right(clock)


def test_another_process_that_records_later_times_is_noticed(recording):
    clock = recording.clock()
    recording.last_recorded = recording.true + DAY
    with pytest.raises(Unavailable, match="behind"):
        clock.check_now()


def test_a_slow_reading_changes_nothing_unless_it_is_the_first(exact):
    exact.took_s = 3.0
    clock = exact.clock()
    assert abs(clock() - exact.true) <= timedelta(seconds=exact.took_s)
    exact.store_ahead = HOUR
    clock.read()
    assert is_right(clock)
    exact.took_s = 0.1
    clock.read()
    assert not is_right(clock)


def test_a_reading_within_its_own_uncertainty_moves_no_time(exact):
    clock = exact.clock()
    exact.took_s, exact.store_ahead = 0.1, timedelta(seconds=-0.05)
    clock.read()
    assert clock() == exact.true


def test_a_store_that_is_away_at_the_start_is_read_later(exact):
    exact.is_away, exact.system_ahead = True, DAY
    clock = exact.clock()
    exact.is_away = False
    clock.read()
    assert clock() == exact.true


def test_the_log_says_once_that_the_clock_is_wrong_and_once_that_it_is_right(machine, caplog):
    clock = machine.clock()
    with caplog.at_level(logging.INFO):
        for machine.system_ahead in (DAY, DAY, timedelta(), timedelta()):
            is_right(clock)
    said = [(each.levelname, each.message, each.context["difference_s"]) for each in caplog.records]
    assert said == [("ERROR", "clock", DAY.total_seconds()), ("WARNING", "clock", 0)]


def test_a_thread_reads_the_clock_until_it_is_closed(exact):
    system = {"system": exact.system, "steady_s": lambda: exact.steady_s}
    clock = StoreClock(exact, **system, read_every_s=0.005)
    exact.store_ahead = HOUR
    assert within(5, lambda: clock() == exact.true + HOUR)
    exact.is_away = True
    clock.close()
    assert not clock._thread.is_alive()


def test_a_store_takes_entries_only_while_the_clock_is_right(machine):
    clock, store = machine.clock(), InMemoryAccountStore()
    timed = TimedAccountStore(store, clock.check)
    entry = Entry("1", "user", START, OpenAccount("user", "Main", "EUR"))
    machine.system_ahead = DAY
    with pytest.raises(Unavailable, match=r"86400\.0 s ahead of the store"):
        timed.append([entry])
    assert store.entry("1") is None
    assert timed.entry("1") is None
    machine.system_ahead = timedelta()
    assert timed.append([entry])


def test_a_store_knows_the_present(account_store):
    present = account_store.present()
    if present.is_exact:
        assert abs(datetime.now(UTC) - present.at) < timedelta(seconds=5)
    else:
        assert present.at == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_store_without_a_clock_tells_the_last_recorded_time(account_store):
    if account_store.present().is_exact:
        return
    for number in (1, 2):
        at = START + number * DAY
        account_store.append([Entry(str(number), "user", at, OpenAccount("user", "Main", "EUR"))])
    assert account_store.present()[:2] == (START + 2 * DAY, False)


def since_boot_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@pytest.fixture
def file():
    """Open one file in two processes, which a second opening stands for."""
    with (
        closing(Database("sqlite:///bank.db")) as first,
        closing(Database("sqlite:///bank.db")) as second,
    ):
        yield first, second


@pytest.mark.parametrize("ahead", [DAY, -HOUR])
def test_a_process_that_starts_with_another_clock_than_the_first_is_wrong(file, ahead):
    first, second = (SqlAccountStore(each, decide) for each in file)
    right = StoreClock(first, system=lambda: datetime.now(UTC), steady_s=since_boot_s)
    wrong = StoreClock(second, system=lambda: datetime.now(UTC) + ahead, steady_s=since_boot_s)
    assert is_right(right)
    assert not is_right(wrong)
    assert wrong.difference_s() == pytest.approx(ahead.total_seconds(), abs=1)
    assert abs(wrong() - right()) < timedelta(seconds=1)


def test_the_clock_of_a_first_process_is_kept_while_another_one_lives(monkeypatch):
    first, second = Database("sqlite:///bank.db"), Database("sqlite:///bank.db")
    first.close()
    monkeypatch.setattr("time.time", lambda: 0.0)
    third = Database("sqlite:///bank.db")
    assert abs(third.dialect.shared_clock() - datetime.now(UTC)) < timedelta(seconds=1)
    second.close()
    third.close()
    alone = Database("sqlite:///bank.db")
    assert alone.dialect.shared_clock() < datetime(1970, 1, 2, tzinfo=UTC)
    alone.close()


@pytest.mark.parametrize("kept", [b"", b"another-boot 12.5"])
def test_a_clock_of_another_boot_is_unknown(kept):
    assert machine_clock.time_of(kept) is None
