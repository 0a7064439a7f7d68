"""Many banks in one process: apart, without threads, and with little memory for each."""

import gc
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.rounds import rounds

BANKS = rounds(50, 999)
USED = rounds(10, 50)
BYTES_MAX = 300_000


@pytest.mark.soak
def test_many_banks_stay_apart_and_cost_little(make):
    make()
    threads = threading.active_count()
    gc.collect()
    tracemalloc.start()
    try:
        banks = [make(seed=number) for number in range(BANKS)]
        gc.collect()
        each_bytes = tracemalloc.get_traced_memory()[0] / BANKS
    finally:
        tracemalloc.stop()
    assert each_bytes < BYTES_MAX
    used = banks[:USED]

    def pay(number):
        bank = used[number % USED]
        return bank.send("ada", "ben", 1 + number % USED).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(pay, range(16 * USED))) == {201}
    assert [bank.balance_minor("ben") for bank in used] == [
        500 + 16 * (1 + number) for number in range(USED)
    ]
    assert {bank.balance_minor("ben") for bank in banks[USED:]} == {500}
    accounts = {bank.accounts["ada"]["id"] for bank in banks}
    assert len(accounts) == BANKS
    assert threading.active_count() <= threads
    for bank in banks:
        bank.admin.app.extensions["accounts.banks"].delete("", bank.id)
    gc.collect()
    assert len(banks[0].admin.app.extensions["accounts.banks"]) == 1
