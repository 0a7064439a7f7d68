"""/metrics of several workers: each answers the same, and still does after one has died."""

import os
import signal
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from accounts_bank.observability.observer import Observer
from accounts_bank.server.serve import NUMBERS
from accounts_bank.stores.sql import Database
from tests.helpers import locked
from tests.ports import free_port
from tests.stores.books import at_once
from tests.system.servers import Server, served
from tests.waiting import within

SQLITE: dict[str, Any] = {"ACCOUNTS_STORE_URL": "sqlite:///bank.db"}
PAGES = "accounts_requests_total", "/v1/users/me"


def read(server: Server, port: int = 0) -> list[tuple[str, dict[str, str], float]]:
    connection = HTTPConnection("127.0.0.1", port or server.port, timeout=20)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    families = text_string_to_metric_families(text)
    return [(each.name, each.labels, each.value) for one in families for each in one.samples]


def number(server: Server, name: str, route: str = "") -> float:
    found = read(server)
    return sum(value for each, labels, value in found if each == name and route in str(labels))


def test_every_worker_tells_the_sum_of_all_and_death_takes_nothing_from_it():
    with served("--workers", "2", **SQLITE) as server:
        token = server.joined("ada")
        at_once(4, lambda _: [server.ask("GET", "/v1/users/me", token=token) for _ in range(10)])
        assert {number(server, *PAGES) for _ in range(10)} == {40}
        assert within(60, lambda: number(server, "accounts_workers") == 2)
        assert number(server, "accounts_store_connections_max") == 32
        first = server.workers()[0]
        os.kill(first, signal.SIGKILL)
        assert within(20, lambda: not Path(f"/proc/{first}").exists())
        assert 1 <= number(server, "accounts_workers") <= 2
        assert number(server, *PAGES) == 40
        assert within(60, lambda: number(server, "accounts_workers") == 2)
        assert first not in server.workers()
        at_once(4, lambda _: [server.ask("GET", "/v1/users/me", token=token) for _ in range(5)])
        assert {number(server, *PAGES) for _ in range(10)} == {60}
        assert server.stop() == 0


def test_the_workers_share_the_port_of_the_metrics():
    port = free_port()
    address = f"127.0.0.1:{port}"
    with served("--workers", "2", ACCOUNTS_METRICS_ADDRESS=address, **SQLITE) as server:
        names = {name for name, _, _ in read(server, port)}
        assert "accounts_workers" in names
        assert server.ask("GET", "/metrics")[0] == 404
        with pytest.raises(AssertionError, match=r"METRICS_ADDRESS is .*cannot listen there"):
            served(ACCOUNTS_METRICS_ADDRESS=address).__enter__()
        assert server.stop() == 0


def test_the_folder_of_the_numbers_goes_with_the_bank():
    with served("--workers", "2", **SQLITE) as server:
        (worker, _) = server.workers()
        environment = Path(f"/proc/{worker}/maps").read_text()
        folder = Path(next(each for each in environment.split() if "counter_" in each)).parent
        assert folder.stat().st_mode & 0o777 == 0o700
        assert server.stop() == 0
    assert not folder.exists()


def test_a_transaction_that_is_tried_again_is_counted():
    class Counting(Observer):
        count = 0

        def transaction_retried(self) -> None:
            self.count += 1

    observer, tries = Counting(), []

    def act(connection, _unsure):
        tries.append(connection)
        if len(tries) < 3:
            raise OperationalError("COMMIT", None, locked())
        return "done"

    with closing(Database("sqlite:///bank.db", observer)) as database:
        assert database.write(act) == "done"
    assert observer.count == 2


def test_files_of_a_killed_bank_are_removed_and_files_in_use_stay():
    with served("--workers", "2", **SQLITE) as living:
        with served("--workers", "2", **SQLITE) as killed:
            left = folder_of(killed)
            os.killpg(killed.process.pid, signal.SIGKILL)
            killed.process.wait()
        # One process is enough for a folder to be in use: whoever began it may be gone.
        used, worker = folder_of(living), living.workers()[0]
        os.kill(worker, signal.SIGSTOP)
        living.process.kill()
        living.process.wait()
        for each in (left, used):
            os.utime(each, (0, 0))
        with served("--workers", "2", **SQLITE):
            assert not left.exists()
            assert used.exists()
        os.kill(worker, signal.SIGCONT)


def folder_of(server: Server) -> Path:
    """Find where the workers of a bank count together."""
    held = [each.resolve() for each in Path(f"/proc/{server.process.pid}/fd").iterdir()]
    (folder,) = [each for each in held if each.name.startswith(NUMBERS)]
    return folder
