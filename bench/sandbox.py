"""Measure what a sandbox must hold: making and dropping banks, resets, tests, and lost answers.

Each line has the median, the processor time of this process and its bound. The bounds are for a
quiet machine.
"""

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from accounts_bank.testing import Bank, LocalServer, Server
from accounts_bank.testing.servers import in_process
from accounts_bank.testing.transports import HttpTransport

BANKS, RESETS, LOST, LINES, TESTS = 200, 50, 100, 1_000, 1_000
PEOPLE = [
    {"username": name, "accounts": [{"currency": "EUR", "balance_minor": 10_000}]}
    for name in ("ada", "ben")
]
PLUGINS = "-p", "xdist", "-p", "accounts_bank.testing.pytest_plugin", "-p", "no:cacheprovider"
"""The plugins of the other checks of this project stay out: they take seconds to import."""
PAY = """
import pytest

@pytest.mark.parametrize("number", range({tests}))
def test_a_payment(accounts_bank, number):
    ada = accounts_bank.customer("ada", balance_minor=100)
    ben = accounts_bank.customer("ben")
    ada.transfer(ben, 40)
    assert ben.balance_minor == 40
"""


def run() -> None:
    threads = threading.active_count()
    _measure("bank made and dropped, in process", BANKS, lambda: _made(in_process()), 5)
    own = threading.active_count() - threads
    with closing(LocalServer()) as local:
        server = Server(HttpTransport(local.url))
        _measure("bank made and dropped, over HTTP", BANKS, lambda: _made(server), 10)
        _lose(server)
    with Bank() as bank:
        _fill(bank)
        _measure(f"reset with {LINES} lines, in process", RESETS, lambda: bank.reset("full"), 5)
    print(f"  threads of a process with banks: {own} more")
    _run_tests()


def _measure(name: str, count: int, act: Callable[[], object], need_ms: float) -> None:
    act()
    times_ms, cpu_s = [], time.process_time()
    for _ in range(count):
        begin_s = time.perf_counter()
        act()
        times_ms.append(1000 * (time.perf_counter() - begin_s))
    cpu_ms = 1000 * (time.process_time() - cpu_s) / count
    print(
        f"  {name}: p50 {median(times_ms):.2f} ms, processor {cpu_ms:.2f} ms (need {need_ms} ms)",
        flush=True,
    )


def _made(server: Server) -> None:
    made: Any = server.client.post("/v1/sandbox/banks", {"users": PEOPLE})
    server.client.delete(f"/v1/sandbox/banks/{made.id}")


def _fill(bank: Bank) -> None:
    ada, ben = bank.customer("ada", balance_minor=LINES), bank.customer("ben")
    one = ada.payment_to(ben, 1)
    bank.admin.put("/v1/sandbox/clock", {"mode": "frozen"})
    ada.post("/v1/transfers/bulk", {"mode": "each", "transfers": [one] * (LINES // 2)})
    bank.snapshot("full")


def _lose(server: Server) -> None:
    """Lose answers; each repetition must be a replay."""
    with Bank(server=server) as bank:
        ada, ben = bank.customer("ada", balance_minor=LOST), bank.customer("ben")
        empty = replayed = 0
        for number in range(LOST):
            bank.faults.add({"drop": "after_commit"}, operation="transfers_transfer")
            body, key = ada.payment_to(ben, 1), f"key-{number}"
            try:
                ada.post("/v1/transfers", body, key=key)
            except (HTTPException, ConnectionError):
                empty += 1
            again = ada.request("POST", "/v1/transfers", body, key=key)
            replayed += again.headers.get("Idempotent-Replayed") == "true"
        print(f"  lost answers: {empty} of {LOST} empty, {replayed} replays, ", end="")
        print(f"{ben.balance_minor} of {LOST} payments", flush=True)


def _run_tests() -> None:
    with TemporaryDirectory() as folder:
        Path(folder, "test_payments.py").write_text(PAY.format(tests=TESTS))
        begin_s, before_s = time.perf_counter(), _children_s()
        done = subprocess.run(
            (sys.executable, "-m", "pytest", "-q", "-n", "2", *PLUGINS),
            cwd=folder,
            env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "true"},
            capture_output=True,
            text=True,
            check=False,
        )
        wall_s, cpu_s = time.perf_counter() - begin_s, _children_s() - before_s
    last = done.stdout.strip().splitlines()[-1]
    figures = f"{wall_s:.1f} s, processor {cpu_s:.1f} s (need 10 s)"
    print(f"  {TESTS} tests, 2 workers: {figures}: {last}")


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
