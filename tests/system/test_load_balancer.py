"""Two banks on one database behind haproxy, as deploy/haproxy and deploy/compose have them."""

import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection, RemoteDisconnected
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread

import msgspec
import pytest

from accounts_bank.stores.sql.dialects.postgresql import STANDSTILL_TIMEOUT_MS
from tests.ports import free_port
from tests.programs import program
from tests.rounds import rounds
from tests.system.payments import Client, are_done_once, ended, started
from tests.system.servers import ROOT, Server, served
from tests.waiting import within

CLIENTS = 16
KILLED = rounds((0, 1), (0, 1, 0, 1))
BETWEEN_KILLS_S = rounds(1.2, 12.0)
SPREAD_TRANSFERS = 200
SILENCE_MAX_S = 3.0
FROZEN_S = 3.0
"""How long it takes at most until a bank that stands still is noticed."""
CONFIGURATION = ROOT / "deploy/haproxy/haproxy.cfg"


class Banks:
    """Two banks, each started again on its own port, and haproxy before them."""

    def __init__(self, url: str) -> None:
        self.ports = [free_port(), free_port()]
        self.edge = Server(None, free_port())
        self.url = url
        self._stacks = [ExitStack(), ExitStack()]
        self.servers: list[Server] = []

    def start(self, number: int) -> Server:
        settings = {
            "ACCOUNTS_STORE_URL": self.url,
            "ACCOUNTS_LOG_FILE": f"bank-{number + 1}.log",
            "ACCOUNTS_DRAIN_S": "3",
        }
        bank = served(port=self.ports[number], **settings)
        server = self._stacks[number].enter_context(bank)
        self.servers[number : number + 1] = [server]
        return server

    def end(self, number: int, how: int) -> None:
        """End a bank, by SIGKILL with all of its processes."""
        process = self.servers[number].process
        os.killpg(process.pid, how) if how == signal.SIGKILL else process.send_signal(how)
        process.wait(20)
        self._stacks[number].close()

    @contextmanager
    def opened(self) -> Iterator["Banks"]:
        """Run everything until the end of the block."""
        addresses = [f"127.0.0.1:{port}" for port in (self.edge.port, *self.ports)]
        named = zip(("LISTEN", "BANK_1", "BANK_2"), addresses, strict=True)
        with ExitStack() as everything, Path("haproxy.log").open("w") as log:
            for number, stack in enumerate(self._stacks):
                everything.enter_context(stack)
                self.start(number)
            haproxy = subprocess.Popen(
                [program("haproxy"), "-db", "-f", CONFIGURATION],
                env=os.environ | dict(named),
                stdout=log,
                stderr=log,
            )
            everything.callback(haproxy.wait, 20)
            everything.callback(haproxy.terminate)
            assert within(60, self._is_there), Path("haproxy.log").read_text()
            yield self

    def _is_there(self) -> bool:
        with suppress(OSError):
            return self.edge.ask("GET", "/health/ready")[0] == 200
        return False


@pytest.fixture
def banks(postgres):
    with Banks(postgres.database("balanced")).opened() as banks:
        yield banks


def served_by(number: int) -> int:
    """Count the transfers that a bank answered."""
    return Path(f"bank-{number}.log").read_text().count('"path":"/v1/transfers",')


def spread_of_transfers() -> list[int]:
    """Count the next transfers of each bank, from when haproxy sends some to both of them."""
    before = [served_by(1), served_by(2)]

    def since() -> list[int]:
        return [served_by(bank) - count for bank, count in enumerate(before, 1)]

    assert within(60, lambda: min(since()))
    before = [served_by(1), served_by(2)]
    assert within(60, lambda: sum(since()) >= SPREAD_TRANSFERS)
    return since()


@pytest.mark.soak
def test_two_banks_that_are_killed_in_turn_lose_nothing_and_do_nothing_twice(
    banks, record_property
):
    clients, accounts = started(CLIENTS, banks.edge)
    for number in KILLED:
        time.sleep(BETWEEN_KILLS_S)
        banks.end(number, signal.SIGKILL)
        banks.start(number)
    spread = spread_of_transfers()
    time.sleep(BETWEEN_KILLS_S)
    ended(clients)
    assert [banks.servers[number].stop() for number in (0, 1)] == [0, 0]
    are_done_once(banks.url, clients, accounts)
    assert min(spread) > sum(spread) / 4
    again = sum((client.sent_again for client in clients), Counter[str]())
    longest_s = longest_wait_s(clients)
    silence_s = longest_silence_s([at_s for client in clients for at_s in client.answered_at_s])
    answered = sum(len(client.answers) for client in clients)
    said = f"{answered} answered, by bank {spread}; sent again {dict(again)}; "
    said += f"longest wait {longest_s:.2f} s; longest time without an answer {silence_s:.2f} s"
    record_property("balanced", said)
    print(said)  # noqa: T201
    assert longest_s < SILENCE_MAX_S


def test_the_other_bank_answers_the_requests_of_a_frozen_one(banks):
    """All clients are served once PostgreSQL has freed the locks of the frozen bank."""
    clients, accounts = started(CLIENTS, banks.edge)
    time.sleep(1)
    frozen = banks.servers[0].process.pid
    os.killpg(frozen, signal.SIGSTOP)
    out_at_s = time.monotonic() + FROZEN_S
    wait_max_s = FROZEN_S + STANDSTILL_TIMEOUT_MS / 1000 + SILENCE_MAX_S
    try:
        assert within(FROZEN_S + wait_max_s, lambda: are_answered_after(out_at_s, clients))
    finally:
        os.killpg(frozen, signal.SIGCONT)
    time.sleep(1)
    ended(clients)
    assert longest_wait_s(clients) < wait_max_s
    again = sum((client.sent_again for client in clients), Counter())
    assert again.keys() <= {"503", "RemoteDisconnected"}
    assert [banks.servers[number].stop() for number in (0, 1)] == [0, 0]
    are_done_once(banks.url, clients, accounts)


def are_answered_after(moment_s: float, clients: list[Client]) -> bool:
    return all(max(each.answered_at_s, default=0.0) > moment_s for each in clients)


def longest_wait_s(clients: list[Client]) -> float:
    return max(wait_s for client in clients for wait_s in client.waits_s)


def longest_silence_s(answered_at_s: list[float]) -> float:
    times_s = sorted(answered_at_s)
    return max(after - before for before, after in pairwise(times_s))


@contextmanager
def plain_clients(edge: Server) -> Iterator[Counter[int]]:
    """Read and pay in without a key, never the same twice, until the end of the block.

    Counts the answers by status. What was paid in is what was answered with 201, and no more.
    """
    token = edge.joined("ada")
    account = edge.opened(token)
    over, statuses = Event(), Counter[int]()
    cash = {"account": account, "amount_minor": 1, "currency": "EUR"}
    asks = [("GET", f"/v1/accounts/{account}"), ("POST", "/v1/deposits")]

    def ask(number: int) -> None:
        connection = HTTPConnection("127.0.0.1", edge.port, timeout=20)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        while not over.is_set():
            method, path = asks[number % 2]
            connection.request(method, path, msgspec.json.encode(cash), headers)
            answer = connection.getresponse()
            answer.read()
            statuses[answer.status] += 1
            time.sleep(0.01 if answer.status < 500 else 0.2)
        statuses[0] += 1
        connection.close()

    threads = [Thread(target=ask, args=(number,), daemon=True) for number in range(CLIENTS // 2)]
    for thread in threads:
        thread.start()
    yield statuses
    over.set()
    for thread in threads:
        thread.join()
    assert statuses.pop(0) == len(threads)  # none was broken off
    path = f"/v1/accounts/{account}"
    assert within(30, lambda: edge.ask("GET", path, token=token)[0] == 200)
    balance_minor = edge.ask("GET", path, token=token)[1]["balance_minor"]
    assert balance_minor == statuses[201] > 0


def test_clients_see_no_error_while_banks_restart_in_turn(banks):
    """Upgrade without downtime: clients that never ask twice see no error at all."""
    with plain_clients(banks.edge) as statuses:
        for number in (0, 1):
            time.sleep(1)
            banks.end(number, signal.SIGTERM)
            banks.start(number)
        time.sleep(1.5)
    assert statuses.keys() == {200, 201}


def test_a_database_that_stands_still_breaks_nothing_off(banks, postgres):
    """Both banks report that they are not ready; they answer their requests when it goes on."""
    with plain_clients(banks.edge) as statuses:
        time.sleep(1)
        postgres.signal(signal.SIGSTOP)
        try:
            time.sleep(4)
        finally:
            postgres.signal(signal.SIGCONT)
        before = statuses[201]
        assert within(30, lambda: statuses[201] > before)
    assert statuses.keys() <= {200, 201, 503}


def asked_until_answered(edge: Server) -> tuple[int, dict]:
    """Read as HTTP clients do: again where the connection was closed (RFC 9110, 9.2.2).

    haproxy closes it without a word where a connection that it kept to a bank turns out broken.
    """
    while True:
        try:
            return edge.ask("GET", "/v1/users/me")
        except RemoteDisconnected:
            time.sleep(0.02)


def test_errors_of_haproxy_have_the_form_of_the_banks(banks):
    for number in (0, 1):
        banks.end(number, signal.SIGKILL)
    status, answer = asked_until_answered(banks.edge)
    assert (status, answer["code"]) == (503, "unavailable")
    assert {"type", "title", "status", "detail", "request_id"} <= answer.keys()


def test_haproxy_repeats_only_requests_that_take_a_key(app):
    """The paths in haproxy's configuration are those where the contract has a key."""
    (pattern,) = re.findall(r"acl money path_reg (\S+)", CONFIGURATION.read_text())
    contract = app.test_client().get("/openapi.json").json
    for path, operations in contract["paths"].items():
        if "post" in operations:
            names = {each.get("name") for each in operations["post"].get("parameters", [])}
            assert bool(re.search(pattern, path)) == ("Idempotency-Key" in names), path
