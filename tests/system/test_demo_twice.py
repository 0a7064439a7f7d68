"""`accounts demo` in one folder, again and twice at once: each bank proves itself."""

import signal
from pathlib import Path

import msgspec
import pytest

from accounts_bank.sandbox.demo import PASSWORD
from tests.system.servers import Server, served

ONE_WORKER = "--workers", "1"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def auditor_of(server: Server) -> str:
    body = {"username": "auditor", "password": PASSWORD}
    status, tokens = server.ask("POST", "/v1/auth/login", body)
    assert status == 200
    return tokens["access_token"]


def report_of(server: Server) -> dict:
    return server.ask("GET", "/v1/integrity", token=auditor_of(server))[1]


def trail_of(server: Server) -> list:
    return server.ask("GET", "/v1/audit?limit=100", token=auditor_of(server))[1]["data"]


def test_a_second_demo_in_a_folder_proves_itself():
    with served(*ONE_WORKER, command="demo", ACCOUNTS_SANDBOX="false") as server:
        assert report_of(server)["ok"]
        assert server.stop(signal.SIGINT) == 0
    with served(*ONE_WORKER, command="demo", ACCOUNTS_SANDBOX="false") as server:
        assert report_of(server)["ok"]
        assert server.stop(signal.SIGINT) == 0
    assert len(banks_that_logged()) == 2


def banks_that_logged() -> set[str]:
    """Return the bank ids in the first lines of the audit logs in the folder."""
    logs = [each for each in Path().glob("audit.log*") if b"bank_id" in each.read_bytes()]
    return {msgspec.json.decode(each.read_bytes().partition(b"\n")[0])["bank_id"] for each in logs}


def test_two_demos_at_once_in_a_folder_prove_themselves():
    with (
        served(*ONE_WORKER, command="demo", ACCOUNTS_SANDBOX="false") as one,
        served(*ONE_WORKER) as other,
    ):
        ada = other.joined("only-there")
        other.opened(ada, 100)
        assert report_of(one)["ok"]
        shown = msgspec.json.encode(trail_of(one))
        user_id = other.ask("GET", "/v1/users/me", token=ada)[1]["id"]
        assert user_id.encode() not in shown
    assert len(banks_that_logged()) == 2


def test_a_demo_has_a_sandbox_that_is_open_to_this_machine():
    with served(*ONE_WORKER, command="demo") as server:
        assert server.ask("GET", "/v1/sandbox/clock")[1]["mode"] == "real"
        assert server.ask("POST", "/v1/sandbox/reset", {"to": "seed"})[0] == 200
        assert report_of(server)["ok"]
    assert banks_that_logged() == set()
