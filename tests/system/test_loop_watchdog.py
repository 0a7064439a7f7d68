"""Nothing on a greenlet's path blocks the event loop's thread for more than 20 ms.

Each slow part is made far slower than that: a part that still runs inline then shows for certain,
also on a busy machine. The least of several rounds counts, since load delays some rounds, not all.
"""

import asyncio
import sys
import threading
import traceback
from functools import partial
from time import monotonic, sleep
from typing import Self

import pytest

from accounts_bank.app import create_app
from accounts_bank.audit.log import AuditLog
from accounts_bank.concurrency.greenlets import GreenletPool, run_in_thread
from accounts_bank.server.gateway import PAYMENT_PATHS
from accounts_bank.server.threads import ThreadPool
from accounts_bank.stores.sql.database import Database
from tests.helpers import Http
from tests.system.test_gateway import run

BLOCK_MAX_S = 0.02
SLOW_S = 0.06
ROUNDS = 4


class LoopWatchdog:
    """Measures how long each callback keeps the event loop's thread, and where it was then."""

    def __init__(self, monkeypatch) -> None:
        self.longest_s, self.stack = 0.0, ""
        self._began_s: float | None = None
        self._thread_id = 0
        run_handle = asyncio.Handle._run
        monkeypatch.setattr(
            asyncio.Handle, "_run", lambda handle: self._timed(partial(run_handle, handle))
        )

    def _timed(self, act) -> None:
        began_s, self._thread_id = monotonic(), threading.get_ident()
        self._began_s = began_s
        act()
        self._began_s = None
        self.longest_s = max(self.longest_s, monotonic() - began_s)

    def __enter__(self) -> Self:
        self.longest_s, self.stack, self._is_over = 0.0, "", False
        self._sampler = threading.Thread(target=self._sample)
        self._sampler.start()
        return self

    def __exit__(self, *_error) -> None:
        self._is_over = True
        self._sampler.join()

    def _sample(self) -> None:
        while not self._is_over:
            sleep(BLOCK_MAX_S / 4)
            began_s = self._began_s
            if began_s and monotonic() - began_s > BLOCK_MAX_S:
                frame = sys._current_frames().get(self._thread_id)
                self.stack = "".join(traceback.format_stack(frame)[-8:])


@pytest.fixture
def watchdog(monkeypatch):
    return LoopWatchdog(monkeypatch)


def blocks(watchdog, act) -> str:
    """Run a function as a greenlet; give where it blocked in every round, "" if it did not."""

    async def once():
        with watchdog:
            await GreenletPool(ThreadPool(4, waiting_max=0).call).run(act)

    for _ in range(ROUNDS):
        run(once())
        if watchdog.longest_s <= BLOCK_MAX_S:
            return ""
    return watchdog.stack or "it blocked"


def test_the_watchdog_sees_a_block_and_where_it_is(watchdog):
    assert "sleeps_inline" in blocks(watchdog, sleeps_inline)
    assert blocks(watchdog, partial(run_in_thread, sleep, SLOW_S)) == ""


def sleeps_inline() -> None:
    sleep(SLOW_S)


def slowly(method):
    def slow(*arguments, **named):
        sleep(SLOW_S)
        return method(*arguments, **named)

    return slow


@pytest.fixture(params=["memory://", "sqlite:///bank.db"])
def http(request, passwords):
    """Make a bank on each kind of store."""
    settings = {"STORE_URL": request.param, "RATE_LIMIT": "1000 per minute"}
    app = create_app(settings, passwords=passwords)
    yield Http(app)
    app.extensions["accounts"].close()


def test_no_payment_blocks_the_event_loop(http, watchdog, monkeypatch):
    ada = http.joined("ada")
    source, target = ada.opened(100_000), ada.opened(0)
    for owner, name in ((Database, "read"), (Database, "write"), (AuditLog, "writing")):
        monkeypatch.setattr(owner, name, slowly(getattr(owner, name)))
    cash = {"account": source["id"], "amount_minor": 1, "currency": "EUR"}
    paid = {
        "from_account": source["id"],
        "to_account": target["number"],
        "amount_minor": 1,
        "currency": "EUR",
    }
    bodies = {
        "/v1/transfers": paid,
        "/v1/deposits": cash,
        "/v1/withdrawals": cash,
        "/v1/holds": paid | {"expires_in_s": 60},
    }
    assert set(bodies) == PAYMENT_PATHS
    for path, body in bodies.items():
        answers = []
        stack = blocks(watchdog, lambda: answers.append(ada("POST", path, body)))  # noqa: B023
        assert stack == "", path
        assert {answer.status_code for answer in answers} == {201}, answers[0].text
