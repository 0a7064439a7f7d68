"""Resources that run out under load, and come back: descriptors, memory, threads, disks."""

import json
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.rounds import rounds
from tests.system.servers import ACCOUNTS, Server, served
from tests.system.shortage import Customer
from tests.waiting import within

SQLITE: dict[str, Any] = {"ACCOUNTS_STORE_URL": "sqlite:///bank.db"}
LOG = Path("app.log")


@contextmanager
def limited(what: int, most: dict[int, int]) -> Iterator[None]:
    """Lower a soft limit of processes within the block; `most` is by process."""
    before = {each: resource.prlimit(each, what) for each in most}
    try:
        for each, soft in most.items():
            resource.prlimit(each, what, (soft, before[each][1]))
        yield
    finally:
        for each, limits in before.items():
            resource.prlimit(each, what, limits)


def descriptors(process: int) -> int:
    return max(int(each.name) for each in Path(f"/proc/{process}/fd").iterdir()) + 1


def data_bytes(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmData:")[1].split()[0]) * 1024


@pytest.mark.soak
def test_requests_are_right_after_a_moment_without_descriptors():
    with served("--workers", "2", **SQLITE) as server:
        assert within(60, lambda: "accounts_workers 2.0" in metrics(server))
        customer, workers = Customer(server), server.workers()
        for margin in rounds((1,), (0, 1, 2, 4, 8)):
            with limited(
                resource.RLIMIT_NOFILE, {each: descriptors(each) + margin for each in workers}
            ):
                customer.press(rounds(1.0, 5.0))
            customer.expect_all_right()
        assert server.workers() == workers


@pytest.mark.soak
def test_a_lack_of_memory_is_503_and_ends_no_bank():
    with served(ACCOUNTS_LOG_FILE=str(LOG)) as server:
        customer, workers = Customer(server), server.workers()
        for margin in rounds(
            (8,), (4, 8, 12, 16)
        ):  # less aborts in glibc, which needs some per thread
            most = {each: data_bytes(each) + margin * 1024 * 1024 for each in workers}
            with limited(resource.RLIMIT_DATA, most):
                assert {customer.bulk() for _ in range(rounds(3, 20))} == {503}
                customer.press(rounds(0.5, 3.0))
            customer.expect_all_right()
            assert customer.bulk() == 200
        assert server.workers() == workers


@pytest.mark.soak
def test_full_disks_lose_no_line_and_no_entry():
    with served(ACCOUNTS_LOG_FILE=str(LOG)) as server:
        customer, (worker,) = Customer(server), server.workers()
        for _ in range(rounds(1, 5)):
            assert within(5, lambda: LOG.read_text().endswith("\n"))
            before = LOG.read_text().count('"event":"request"')
            sizes = [each.stat().st_size for each in (LOG, Path("audit.log"))]
            with limited(resource.RLIMIT_FSIZE, {worker: min(sizes) + 100}):
                assert all(customer.pay() for _ in range(20))
                assert within(5, lambda: server.ask("GET", "/health/ready")[0] == 503)
            assert within(10, lambda: server.ask("GET", "/health/ready")[0] == 200)
            customer.expect_all_right()
            lines = [json.loads(line) for line in LOG.read_text().splitlines()]
            assert sum(line["event"] == "request" for line in lines) > before + 20
            paid = [line for line in lines if line.get("path") == "/v1/transfers"]
            assert len({line["request_id"] for line in paid}) == len(paid)


@pytest.mark.parametrize(
    ("limit", "most"), [(resource.RLIMIT_AS, 700_000_000), (resource.RLIMIT_NOFILE, 24)]
)
def test_a_bank_without_room_says_so_at_the_start(limit, most):
    done = subprocess.run(
        [ACCOUNTS, "serve", "--port", str(free_port())],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(limit, (most, most)),
    )
    assert done.returncode == 1
    *lines, sentence = done.stderr.splitlines()
    assert sentence.startswith("Error: The bank cannot start, because the system gives it too")
    assert all(json.loads(line) for line in lines)  # the log, and no trace


def metrics(server: Server) -> str:
    """Return the text of /metrics."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text
