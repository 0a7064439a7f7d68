"""The pytest plugin: a bank of its own for each test, which proves itself at the end of the test.

pytest loads it in each project that has this package installed. It therefore imports nothing of the
bank until a fixture is used.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from accounts_bank.testing import Bank, Server

MARKER = "accounts"
_URL, _TOKEN = "--accounts-url", "--accounts-token"
_banks = pytest.StashKey["list[Bank]"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup(MARKER, "accounts: a bank for each test")
    group.addoption(_URL, metavar="URL", help="make banks in this process; it has SANDBOX=true")
    group.addoption(_TOKEN, default="", metavar="TOKEN", help="token of an admin of that process")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    meaning = "seed of the ids, and time at which the clock of `accounts_bank` stands"
    config.addinivalue_line("markers", f"{MARKER}(seed=None, now=None): {meaning}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Prove the banks of a test that passes; a bank that is wrong fails the test."""
    yield
    for bank in item.stash.get(_banks, []):
        try:
            bank.prove()
        except AssertionError as wrong:
            pytest.fail(str(wrong), pytrace=False)


@pytest.fixture(scope="session")
def accounts_server(pytestconfig: pytest.Config) -> "Iterator[Server]":
    """Serve banks in a thread on a free port, or use the process at `--accounts-url`."""
    from accounts_bank.testing import servers, transports  # noqa: PLC0415 - see the module

    url = pytestconfig.getoption(_URL)
    if url:
        transport = transports.HttpTransport(url)
        yield servers.Server(transport, pytestconfig.getoption(_TOKEN))
        return
    with closing(servers.LocalServer()) as server:
        yield server


@pytest.fixture
def accounts_bank_factory(
    accounts_server: "Server", request: pytest.FixtureRequest
) -> "Iterator[Callable[..., Bank]]":
    """Return a function that makes banks, with `seed` and `now` as it is told."""
    from accounts_bank.testing import Bank  # noqa: PLC0415 - see the module

    made: list[Bank] = request.node.stash.setdefault(_banks, [])

    with ExitStack() as stack:

        def make(*, seed: int | str | None = None, now: datetime | str | None = None) -> Bank:
            bank = Bank(seed=seed, now=now, server=accounts_server)
            stack.callback(bank.close)
            made.append(bank)
            return bank

        yield make


@pytest.fixture
def accounts_bank(
    accounts_bank_factory: "Callable[..., Bank]", request: pytest.FixtureRequest
) -> "Bank":
    """Make a bank for one test; the marker `accounts` gives its `seed` and `now`."""
    marker = request.node.get_closest_marker(MARKER)
    plan: dict[str, Any] = marker.kwargs if marker else {}
    return accounts_bank_factory(**plan)
