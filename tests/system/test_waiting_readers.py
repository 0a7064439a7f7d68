"""Readers of events that wait: they hold no thread, and a change wakes them."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from accounts_bank.server import gateway
from accounts_bank.server.gateway import Gateway
from tests.system.test_gateway import Headers, Protocol, Scope, run

READERS, PATIENCE_S = 10, 60


class Bank:
    """The gateway before a bank, with one thread for all requests, and one customer."""

    def __init__(self, app, http) -> None:
        self.customer = http.joined("ada")
        self.bell = app.extensions["accounts"].events.bell
        self.gateway = Gateway(app, threads=1, hashing_threads=1, close=lambda: None)

    async def ask(self, path: str, query: str = "") -> tuple[int, dict]:
        scope: Any = Scope()
        protocol: Any = Protocol()
        scope.method, scope.path, scope.query_string = "GET", path, query
        scope.headers = Headers({"host": "bank", "authorization": f"Bearer {self.customer.token}"})
        await asyncio.wait_for(self.gateway.__rsgi__(scope, protocol), PATIENCE_S)
        status, _, body = protocol.answers[0]
        return status, msgspec.json.decode(body)

    async def readers(self, count: int) -> list[asyncio.Task]:
        """Start readers, and return when all of them wait."""
        tasks = [asyncio.create_task(self.ask("/v1/events", "wait_s=20")) for _ in range(count)]
        await until(lambda: self.bell._places.total() == count)
        return tasks


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - the bank tells no event of it
            await asyncio.sleep(0.01)


@pytest.fixture
def bank(app, http):
    return Bank(app, http)


def test_readers_that_wait_hold_no_thread_and_a_change_wakes_them(bank):
    async def act():
        readers = await bank.readers(READERS)
        status, _ = await bank.ask("/v1/accounts")
        assert status == 200
        assert not any(each.done() for each in readers)
        await asyncio.to_thread(bank.customer.opened)
        return await asyncio.gather(*readers)

    for status, body in run(act()):
        assert status == 200
        assert [each["type"] for each in body["data"]] == ["account.opened"]


def test_too_many_readers_are_told_that_the_bank_is_busy(bank, monkeypatch):
    monkeypatch.setattr(gateway, "WAITING_MAX", 2)

    async def act():
        readers = await bank.readers(2)
        status, problem = await bank.ask("/v1/events", "wait_s=20")
        assert (status, problem["code"]) == (503, "unavailable")
        assert (await bank.ask("/v1/events"))[0] == 200
        bank.bell.close()
        return await asyncio.gather(*readers)

    assert [body["data"] for _, body in run(act())] == [[], []]


def test_a_reader_that_goes_away_frees_its_place(bank):
    async def act():
        for reader in await bank.readers(2):
            reader.cancel()
        bank.bell.close()
        await until(lambda: bank.gateway._waiters.count == 0)

    run(act())
    assert not bank.bell._places
