"""Workers that end are replaced, also where it happens twice in a row."""

import os
import signal
import time

from accounts_bank.server.respawns import RESPAWNS_MAX, RESPAWNS_S, START_S, Respawns
from tests.system.servers import Server, served
from tests.waiting import within

GRANIAN_S = 5.5
TIMEOUT_S = 60


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def respawns(after_s: float, count: int, every_s: float) -> tuple[Respawns, Clock]:
    """Replace worker 0 so many times, from a while after the start on."""
    clock = Clock()
    table = Respawns(clock)
    clock.now_s += after_s
    for number in range(count):
        clock.now_s += every_s if number else 0
        table.clear()  # as granian does
        table[0] = clock.now_s
    return table, clock


def ends_the_bank(table: Respawns, clock: Clock) -> bool:
    return clock() - table.get(0, 0) <= GRANIAN_S


def test_a_second_end_is_no_reason_to_end_the_bank():
    assert not ends_the_bank(*respawns(START_S, 2, 0.5))


def test_a_bank_that_cannot_start_ends_at_once():
    assert ends_the_bank(*respawns(START_S / 2, 1, 0))


def test_many_ends_in_a_short_time_end_the_bank():
    assert not ends_the_bank(*respawns(START_S, RESPAWNS_MAX - 1, 0.5))
    assert ends_the_bank(*respawns(START_S, RESPAWNS_MAX, 0.5))
    assert not ends_the_bank(*respawns(START_S, RESPAWNS_MAX, RESPAWNS_S / (RESPAWNS_MAX - 1)))


def replaced(server: Server, pid: int) -> int:
    """Kill a worker; return its replacement."""
    others = set(server.workers())
    os.kill(pid, signal.SIGKILL)
    assert within(TIMEOUT_S, lambda: set(server.workers()) - others)
    (new,) = set(server.workers()) - others
    return new


def test_a_worker_that_is_killed_twice_in_a_row_is_replaced_twice():
    with served("--workers", "2", ACCOUNTS_STORE_URL="sqlite:///bank.db") as server:
        assert within(
            TIMEOUT_S, lambda: server.process.poll() is None and len(server.workers()) == 2
        )
        time.sleep(START_S)
        again = replaced(server, server.workers()[0])
        assert replaced(server, again) != again
        assert server.ask("GET", "/health/live")[0] == 200
        assert server.stop() == 0
