"""Rate limits hold for a bank as a whole, however many processes and servers it has."""

from collections import Counter
from contextlib import ExitStack
from http.client import HTTPConnection
from itertools import chain

import msgspec
import pytest

from tests.stores.books import at_once
from tests.system.servers import Server, served

WRONG = {"username": "ada", "password": "wrong"}


def guess(server: Server) -> int:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    headers = {"Content-Type": "application/json"}
    try:
        connection.request("POST", "/v1/auth/login", msgspec.json.encode(WRONG), headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture(params=["sqlite", "postgres", "mongo"])
def url(request) -> str:
    """Name an empty database."""
    if request.param == "sqlite":
        return "sqlite:///bank.db"
    server = request.getfixturevalue(request.param)
    if request.param == "mongo":
        return server.emptied("bank_0")
    return str(server.database("shared"))


def test_a_guesser_has_ten_tries_at_all_processes_together(url):
    shared = {"ACCOUNTS_STORE_URL": url, "ACCOUNTS_JWT_SECRET_KEY": "s" * 32}
    with ExitStack() as stack:
        servers = [
            stack.enter_context(served("--workers", "2", ACCOUNTS_AUDIT_LOG=f"{n}.log", **shared))
            for n in range(2)
        ]
        servers[0].joined("ada")
        said = at_once(8, lambda number: [guess(servers[number % 2]) for _ in range(5)])
        counts = Counter(chain.from_iterable(said))
    assert counts == {401: 10, 429: 30}
