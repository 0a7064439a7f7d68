"""Lost, cut and late answers, byte by byte, on each server that serves a sandbox."""

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, chdir, contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, cast

import pytest
from werkzeug.serving import make_server

from accounts_bank.app import create_app
from tests.helpers import cheap
from tests.rounds import rounds
from tests.sandbox.conftest import PLAN
from tests.system.servers import ROOT, Server, served
from tests.waiting import within

pytestmark = pytest.mark.soak

LOST = {"Accounts-Fault": "drop=after_commit"}
opened = partial(served, ACCOUNTS_SANDBOX="true", ACCOUNTS_SANDBOX_OPEN="true")
FLASK = (sys.executable, "-m", "flask", "--app", ROOT / "app.py")


@contextmanager
def in_process() -> Iterator[Server]:
    app = create_app({"SANDBOX": True, "SANDBOX_OPEN": True}, passwords=cheap())
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Server(cast("Any", None), server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions["accounts"].close()


SERVERS: dict[str, Callable[[], AbstractContextManager[Server]]] = {
    "accounts serve": opened,
    "accounts demo": partial(opened, command="demo"),
    "flask run": partial(opened, command="run", program=FLASK),
    "werkzeug": in_process,
}


class Ada:
    """A customer of a new bank, who pays Ben byte by byte."""

    def __init__(self, server: Server) -> None:
        self.port = server.port
        _, made = server.ask("POST", "/v1/sandbox/banks", PLAN)
        self.server, self.path = server, f"/banks/{made['id']}"
        ada, ben = made["users"]
        self.token, self.account = ada["access_token"], ada["accounts"][0]["id"]
        ends = {"from_account": self.account, "to_account": ben["accounts"][0]["number"]}
        self.wish = ends | {"amount_minor": 1, "currency": "EUR"}

    def request(self, method: str = "POST", path: str = "/v1/transfers", **headers: str) -> bytes:
        """Write a request."""
        body = json.dumps(self.wish).encode() if method == "POST" else b""
        lines = {
            "Host": f"localhost:{self.port}",
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"{method} {self.path}{path} HTTP/1.1\r\n{head}\r\n".encode() + body

    def send(self, *requests: bytes) -> bytes:
        """Send requests over one connection; return all bytes until the server closes it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(b"".join(requests))
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    def pay(self, **headers: str) -> bytes:
        """Pay over a connection of its own."""
        return self.send(self.request(**{"Connection": "close"} | headers))

    def balance_minor(self) -> int:
        """Read Ada's balance."""
        path = f"{self.path}/v1/accounts/{self.account}"
        return int(self.server.ask("GET", path, token=self.token)[1]["balance_minor"])

    def fault(self, **fields: Any) -> Any:
        """Make a fault in Ada's bank; return it."""
        status, fault = self.server.ask("POST", f"{self.path}/v1/sandbox/faults", fields)
        assert status == 201
        return fault

    def left(self, fault: Any) -> Any:
        """Read a fault."""
        return self.server.ask("GET", f"{self.path}/v1/sandbox/faults/{fault['id']}")[1]


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with chdir(tmp_path_factory.mktemp("bank")), SERVERS[request.param]() as server:
        yield server


@pytest.fixture
def ada(server: Server) -> Ada:
    return Ada(server)


def parts(answer: bytes) -> tuple[str, dict[str, str], bytes]:
    """Split an answer into its status, its headers in lower case, and its body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return status[:12], dict(line.lower().split(": ", 1) for line in lines), body


def test_not_one_byte_of_a_lost_answer_arrives_and_the_next_try_is_a_replay(ada):
    times = rounds(100, 1_000)
    empty = [ada.pay(Idempotency_Key=f"key {n}", **LOST) for n in range(times)]
    again = [parts(ada.pay(Idempotency_Key=f"key {n}")) for n in range(times)]
    assert empty == [b""] * times
    assert {status for status, _, _ in again} == {"HTTP/1.1 201"}
    assert {headers.get("idempotent-replayed") for _, headers, _ in again} == {"true"}
    assert ada.balance_minor() == 10_000 - times


def test_lost_answers_of_clients_at_once_are_all_empty(ada):
    times = rounds(100, 1_000)
    fault = ada.fault(match={"nth": 1}, do={"drop": "after_commit"}, times=times)
    keys = [f"key {n}" for n in range(times)]
    with ThreadPoolExecutor(8) as pool:
        empty = list(pool.map(lambda key: ada.pay(Idempotency_Key=key), keys))
    hits = ada.left(fault)["hits"]
    assert empty == [b""] * times
    assert len({hit["request_id"] for hit in hits}) == times
    assert ada.balance_minor() == 10_000 - times


def test_a_connection_dropped_before_moves_no_money(ada):
    times = rounds(20, 200)
    assert [ada.pay(Accounts_Fault="drop=before") for _ in range(times)] == [b""] * times
    assert ada.balance_minor() == 10_000


@pytest.mark.parametrize("count", [0, 1, 60, 700])
def test_as_many_bytes_of_the_true_answer_arrive_as_were_asked_for(ada, count):
    whole = ada.pay(Idempotency_Key="a")
    cut = ada.pay(Idempotency_Key="b", Accounts_Fault=f"truncate={count}")
    assert len(cut) == count
    assert cut[:60] == whole[:count][:60]
    assert ada.balance_minor() == 10_000 - 2


def test_an_answer_that_is_cut_behind_its_end_is_whole(ada):
    cut = parts(ada.pay(Idempotency_Key="a", Accounts_Fault="truncate=100000"))
    whole = parts(ada.pay(Idempotency_Key="a"))
    assert (cut[0], cut[2]) == (whole[0], whole[2])
    differing = {"x-request-id", "date", "idempotent-replayed"}
    assert [each for each in cut[1].items() if each[0] not in differing] == [
        each for each in whole[1].items() if each[0] not in differing
    ]


def test_a_late_answer_is_the_true_one(ada):
    began_s = time.monotonic()
    status, _, body = parts(ada.pay(Accounts_Fault="delay_ms=200"))
    assert time.monotonic() - began_s >= 0.2
    assert (status, json.loads(body)["kind"]) == ("HTTP/1.1 201", "transfer")


def test_a_late_answer_holds_up_no_other_request(ada):
    with ThreadPoolExecutor(8) as pool:
        late = [pool.submit(ada.pay, Accounts_Fault="delay_ms=1500") for _ in range(7)]
        assert within(20, lambda: ada.balance_minor() == 10_000 - len(late))
        assert ada.pay().startswith(b"HTTP/1.1 201")
        assert not any(each.done() for each in late)
        assert {each.result()[:12] for each in late} == {b"HTTP/1.1 201"}


def test_answers_before_a_lost_one_arrive_whole_and_requests_after_it_are_not_done(ada):
    requests = [ada.request(), ada.request(), ada.request(**LOST), ada.request()]
    if b"Connection: close" in ada.pay():  # Werkzeug answers one request of a connection
        requests = requests[2:]
    answer = ada.send(*requests)
    assert answer.count(b"HTTP/1.1 201") == len(requests) - 2
    assert answer.endswith(b"}" if len(requests) > 2 else b"")
    assert ada.balance_minor() == 10_000 - 1 - (len(requests) - 1)


def test_a_lost_answer_to_http_1_0_is_empty(ada):
    request = ada.request(**LOST).replace(b"HTTP/1.1", b"HTTP/1.0")
    assert ada.send(request) == b""
    assert ada.balance_minor() == 10_000 - 1


def test_a_lost_refusal_is_empty_too(ada):
    assert ada.pay(Authorization="Bearer broken", **LOST) == b""
    assert ada.send(ada.request("GET", "/nowhere", **LOST)) == b""


def test_an_answer_to_a_long_body_is_lost(ada):
    ada.wish["reference"] = "x" * 900_000
    assert ada.pay(**LOST) == b""
    assert ada.pay().startswith(b"HTTP/1.1 400")


def test_other_clients_keep_their_answers_while_some_are_lost(ada):
    other = Ada(ada.server)
    with ThreadPoolExecutor(8) as pool:
        lost = [pool.submit(ada.pay, **LOST) for _ in range(40)]
        kept = [pool.submit(other.pay) for _ in range(40)]
        assert {each.result() for each in lost} == {b""}
        assert {each.result()[:12] for each in kept} == {b"HTTP/1.1 201"}


def test_the_bank_goes_on_after_clients_that_leave_before_their_lost_answer(ada):
    for _ in range(rounds(20, 200)):
        with socket.create_connection(("127.0.0.1", ada.port)) as connection:
            connection.sendall(ada.request(**LOST))
    assert ada.pay().startswith(b"HTTP/1.1 201")


def test_lost_answers_leave_no_open_file(ada):
    process = ada.server.process
    pid = (ada.server.workers() or [process.pid])[-1] if process else os.getpid()

    def files() -> int:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))

    ada.pay(**LOST)
    before = files()
    for _ in range(50):
        ada.pay(**LOST)
    assert files() <= before + 5
