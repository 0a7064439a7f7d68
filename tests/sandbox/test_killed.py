"""A sandbox on SQLite is killed midway in an advance; the same advance again completes it."""

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException

import pytest

from tests.helpers import PASSWORD
from tests.rounds import rounds
from tests.system.servers import served
from tests.waiting import within

RUNS = rounds(300, 5_000)
CLOCK = "/v1/sandbox/clock"
PAID_MINOR = 3


@pytest.mark.soak
def test_an_advance_that_is_killed_runs_each_entry_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with sandbox() as server, ThreadPoolExecutor(1) as pool:
        ada, ben = server.joined("ada"), server.joined("ben")
        from_id, to_id = server.opened(ada, RUNS * PAID_MINOR), server.opened(ben)
        daily = {"from_account": from_id, "to_account": to_id, "amount_minor": PAID_MINOR}
        daily |= {"currency": "EUR", "first_at": "2999-01-01", "every": "day", "count": RUNS}
        assert server.ask("POST", "/v1/schedules", daily, ada)[0] == 201
        begun = pool.submit(_advance, server)
        assert within(30, lambda: _balance_minor(server, ben) > 0)
        server.stop(signal.SIGKILL)
        assert begun.result() is None
    with sandbox() as server:
        wish = {"username": "ben", "password": PASSWORD}
        token = server.ask("POST", "/v1/auth/login", wish)[1]["access_token"]
        before_minor = _balance_minor(server, token)
        assert 0 < before_minor < RUNS * PAID_MINOR
        fired = _advance(server)["fired"]
        assert {each["status"] for each in fired} == {"recorded"}
        assert before_minor + len(fired) * PAID_MINOR == RUNS * PAID_MINOR
        assert _balance_minor(server, token) == RUNS * PAID_MINOR
        assert server.ask("GET", CLOCK)[1]["now"].startswith("3019-01-01T00:00:00")
        assert server.ask("GET", "/v1/sandbox/integrity")[1]["ok"]


def sandbox():
    return served(
        ACCOUNTS_SANDBOX="true",
        ACCOUNTS_SANDBOX_OPEN="true",
        ACCOUNTS_STORE_URL="sqlite:///bank.db",
    )


def _advance(server):
    """Advance far behind the last run; return the answer, None where the server dies."""
    with suppress(OSError, HTTPException):
        return server.ask("POST", f"{CLOCK}/advance", {"to": "3019-01-01T00:00:00Z"})[1]
    return None


def _balance_minor(server, token):
    return server.ask("GET", "/v1/accounts", token=token)[1]["data"][0]["balance_minor"]
