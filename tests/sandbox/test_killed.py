"""A sandbox on SQLite is killed midway in an advance; another one goes on after the last run."""

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.client import HTTPException

from tests.helpers import PASSWORD
from tests.system.servers import served
from tests.waiting import within

START = datetime(2999, 1, 1, tzinfo=UTC)
MORE = 50
CLOCK = "/v1/sandbox/clock"
PAID_MINOR = 3


def test_an_advance_that_is_killed_runs_each_entry_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with sandbox() as server, ThreadPoolExecutor(1) as pool:
        ada, ben = server.joined("ada"), server.joined("ben")
        from_id, to_id = server.opened(ada, 1_000_000), server.opened(ben)
        daily = {"from_account": from_id, "to_account": to_id, "amount_minor": PAID_MINOR}
        daily |= {"currency": "EUR", "first_at": f"{START:%Y-%m-%d}", "every": "day"}
        assert server.ask("POST", "/v1/schedules", daily, ada)[0] == 201
        begun = pool.submit(advance, server, START + timedelta(days=9_000))
        assert within(60, lambda: paid_minor(server, ben))
        server.stop(signal.SIGKILL)
        assert begun.result() is None
    with sandbox() as server:
        wish = {"username": "ben", "password": PASSWORD}
        token = server.ask("POST", "/v1/auth/login", wish)[1]["access_token"]
        done = paid_minor(server, token) // PAID_MINOR
        end = START + timedelta(days=done + MORE)
        fired = advance(server, end)["fired"]
        assert [each["at"] for each in fired] == [
            f"{START + timedelta(days=day):%Y-%m-%dT00:00:00Z}" for day in range(done, done + MORE)
        ]
        assert paid_minor(server, token) == (done + MORE) * PAID_MINOR
        last = end - timedelta(days=1)
        assert server.ask("GET", CLOCK)[1]["now"].startswith(f"{last:%Y-%m-%dT23:59:59}")
        assert server.ask("GET", "/v1/sandbox/integrity")[1]["ok"]


def sandbox():
    return served(
        ACCOUNTS_SANDBOX="true",
        ACCOUNTS_SANDBOX_OPEN="true",
        ACCOUNTS_STORE_URL="sqlite:///bank.db",
    )


def advance(server, end):
    """Advance until just before a day; return the answer, None where the server dies."""
    to = f"{end - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"
    with suppress(OSError, HTTPException):
        return server.ask("POST", f"{CLOCK}/advance", {"to": to})[1]
    return None


def paid_minor(server, token):
    return server.ask("GET", "/v1/accounts", token=token)[1]["data"][0]["balance_minor"]
