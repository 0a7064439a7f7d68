"""A database that is killed, frozen or full: 503 with Retry-After, nothing lost, and it goes on."""

import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import msgspec
import pytest

from tests.postgres import Postgres
from tests.rounds import rounds
from tests.system.payments import are_done_once, ended, started
from tests.system.servers import ACCOUNTS, Server, served
from tests.waiting import within

KILLS = rounds(1, 4)
BETWEEN_KILLS_S = rounds(1.0, 2.0)
DISK_BYTES = {"sqlite": 4 * 2**20, "postgres": 128 * 2**20}


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.mark.soak
def test_postgresql_killed_again_and_again_loses_nothing(own_postgres):
    url = own_postgres.database("crashes")
    with served("--workers", "2", ACCOUNTS_STORE_URL=url, ACCOUNTS_LOG_LEVEL="ERROR") as server:
        clients, accounts = started(8, server)
        for _ in range(KILLS):
            time.sleep(BETWEEN_KILLS_S)
            own_postgres.kill()
            time.sleep(0.2)
            own_postgres.start()
        time.sleep(BETWEEN_KILLS_S)
        ended(clients)
        assert server.stop() == 0
    assert sum(client.sent_again["503"] for client in clients) > 0
    are_done_once(url, clients, accounts)


class Payer:
    """Pays, and looks at the headers of the answer."""

    def __init__(self, server: Server) -> None:
        self.server, self.token = server, server.joined("ada")
        self.ids = [server.opened(self.token, each) for each in (100_000, 0)]
        self.answers: list[tuple[int, str | None]] = []

    def pay(self, key: str) -> int:
        wish = {"from_account": self.ids[0], "to_account": self.ids[1], "amount_minor": 1}
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        body = msgspec.json.encode({**wish, "currency": "EUR", "reference": "x" * 100})
        connection.request("POST", "/v1/transfers", body, headers | {"Idempotency-Key": key})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        self.answers.append((answer.status, answer.headers["Retry-After"]))
        return answer.status

    def paid_minor(self) -> int:
        _, account = self.server.ask("GET", f"/v1/accounts/{self.ids[1]}", token=self.token)
        return int(account["balance_minor"])

    def goes_on(self, key: str) -> None:
        """Send the same again until it is done; then everything is as it should be."""
        assert within(60, lambda: self.pay(key) != 503)
        assert self.answers[-1][0] == 201
        assert {each for status, each in self.answers if status == 503} == {"1"}
        answered = sum(status == 201 for status, _ in self.answers)
        assert self.paid_minor() == answered


def test_a_frozen_database_is_503_in_bounded_time_and_comes_back(own_postgres):
    with served("--workers", "2", ACCOUNTS_STORE_URL=own_postgres.url) as server:
        payer = Payer(server)
        own_postgres.signal(signal.SIGSTOP)
        try:
            began_s = time.monotonic()
            assert payer.pay("one") == 503
            assert time.monotonic() - began_s < 15
            assert server.ask("GET", "/health/live")[0] == 200
            began_s = time.monotonic()
            assert server.ask("GET", "/health/ready")[0] == 503
            assert time.monotonic() - began_s < 5  # it does not wait for the database's answer
        finally:
            own_postgres.signal(signal.SIGCONT)
        payer.goes_on("one")


@contextmanager
def small_disk(size_bytes: int) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    options = f"size={size_bytes},mode=0777"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


def fill(folder: Path) -> Path:
    """Leave no byte free."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return filler


def fails_within(payer: Payer, count: int) -> str:
    """Pay until it is not done; give the key that was refused."""
    for number in range(count):
        if payer.pay(f"key-{number}") == 503:
            return f"key-{number}"
    raise AssertionError("the disk was never full")


def test_files_that_may_not_grow_under_sqlite_lose_nothing(tmp_path):
    """Bound the size of the database's files in the kernel; it needs no right to mount."""
    url = f"sqlite:///{tmp_path}/bank.db"
    with served(ACCOUNTS_STORE_URL=url, ACCOUNTS_LOG_FILE="/dev/null") as server:
        payer = Payer(server)
        workers = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
        pids = [int(each) for each in workers.read_text().split()]
        before = resource.prlimit(pids[0], resource.RLIMIT_FSIZE)
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (300_000, before[1]))
        key = fails_within(payer, 2000)
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        payer.goes_on(key)
        assert server.stop() == 0
    check(url)


def check(url: str) -> None:
    """Prove books and audit log."""
    environment = os.environ | {"ACCOUNTS_STORE_URL": url}
    proven = subprocess.run([ACCOUNTS, "verify"], env=environment, timeout=60, check=False)
    assert proven.returncode == 0


if os.getuid() == 0:  # nobody else may mount; files that may not grow are everybody's

    @pytest.mark.parametrize("kind", DISK_BYTES)
    def test_a_full_disk_loses_nothing(kind):
        with small_disk(DISK_BYTES[kind]) as folder:
            postgres = Postgres(folder) if kind == "postgres" else None
            url = postgres.url if postgres else f"sqlite:///{folder}/bank.db"
            with served("--workers", "2", ACCOUNTS_STORE_URL=url) as server:
                payer = Payer(server)
                filler = fill(folder)
                key = fails_within(payer, 20_000)
                assert server.ask("GET", "/health/live")[0] == 200
                filler.unlink()
                if postgres and not postgres.is_running():
                    postgres.start()
                payer.goes_on(key)
                assert server.stop() == 0
            check(url)
            if postgres:
                postgres.remove()
