"""Compare bulks of ten thousand transfers with single requests and pgbench, on each store.

The measurements take turns, as in `bench.stores`. Bulks follow each other at once, so each one pays
for the sealing of the one before. A bulk after a rest meets a bank that has sealed everything.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.load import Running, load, open_accounts, running
from bench.stores import STORES, Rate, compare, per_s, uniform

ITEMS = 10_000
REQUESTS = 3
REST_S = 1
ACCOUNTS = 100
SECONDS = 3
NEEDS = {"pgbench TPC-B-like": 5.0}
MEMORY_NEED_PER_S = 100_000
MIB = 1024


def run() -> None:
    for store, databases in STORES.items():
        print(f"-- {store}", flush=True)
        with databases() as (new_database, yardsticks):
            settings = {"ACCOUNTS_STORE_URL": new_database("bank"), "BENCH_WORKERS": "1"}
            with running("ours", "bank", environment=settings) as server:
                _measure(server, yardsticks)
        if store == "memory":
            print(f"  (need {MEMORY_NEED_PER_S}/s)")


def _measure(server: Running, yardsticks: dict[str, Rate]) -> None:
    ids = open_accounts(server, ACCOUNTS)
    body = _body(ids)
    peak_mib = _peak_mib(server, lambda: _send(server, body))
    rates: dict[str, Rate] = {
        f"bulk of {ITEMS}": lambda: _per_s(server, body, REQUESTS),
        "one after a rest": lambda: _per_s_after_rest(server, body),
        "single requests": lambda: per_s(load(server, SECONDS, bodies=uniform(ids))),
    }
    compare(rates | yardsticks, NEEDS)
    print(f"  a request of {ITEMS} took {peak_mib} MiB more at its peak", flush=True)


def _body(ids: list[str]) -> bytes:
    bodies = uniform(ids)
    transfers = [bodies[number % len(bodies)] for number in range(ITEMS)]
    return json.dumps({"mode": "each", "transfers": transfers}, separators=(",", ":")).encode()


def _per_s(server: Running, body: bytes, requests: int) -> float:
    begin_s = time.perf_counter()
    for _ in range(requests):
        _send(server, body)
    return ITEMS * requests / (time.perf_counter() - begin_s)


def _per_s_after_rest(server: Running, body: bytes) -> float:
    time.sleep(REST_S)
    return _per_s(server, body, 1)


def _send(server: Running, body: bytes) -> None:
    """Send a bulk; check that the bank recorded every transfer."""
    client = HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {server.token}"}
    client.request("POST", "/v1/transfers/bulk", body, headers)
    answer = client.getresponse()
    text = answer.read()
    client.close()
    assert answer.status == 200, text
    assert text.count(b'"recorded"') == ITEMS, text[:300]


def _peak_mib(server: Running, action: Callable[[], Any]) -> int:
    """Return the growth of the server's memory, in MiB, at its peak during an action."""
    folders = [Path("/proc") / str(pid) for pid in _family(server.process.pid)]
    before = []
    for folder in folders:
        (folder / "clear_refs").write_text("5")
        before.append(_kib(folder, "VmRSS"))
    action()
    after = [_kib(folder, "VmHWM") for folder in folders]
    return max(peak - start for peak, start in zip(after, before, strict=True)) // MIB


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(FileNotFoundError):
        for task in (Path("/proc") / str(pid) / "task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _kib(folder: Path, name: str) -> int:
    lines = (folder / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
