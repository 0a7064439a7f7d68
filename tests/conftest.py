"""What every test may ask for: a bank of its own, in a folder of its own."""

import os
from collections.abc import Iterator
from pathlib import Path
from time import sleep, time

import pytest
from argon2 import PasswordHasher
from flask import Flask
from hypothesis import HealthCheck, settings

from accounts_bank.app import create_app
from accounts_bank.collections.passwords import Passwords
from tests.helpers import AUDITOR, PASSWORD, TELLER, Http, Teller
from tests.mongo import Mongo
from tests.postgres import Postgres

settings.register_profile(
    "ci", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("ci")

DAY_S, MIDNIGHT_S = 24 * 60 * 60, 60
SLOW = ("tests/system/", "tests/web/browser/", "tests/stores/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that processes that share the tests end alike."""
    items.sort(key=lambda item: not item.nodeid.startswith(SLOW))


@pytest.fixture(autouse=True)
def _one_day() -> None:
    """Begin no test right before midnight (UTC), in the middle of which it would be another day."""
    left_s = DAY_S - time() % DAY_S
    if left_s < MIDNIGHT_S:
        sleep(left_s)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path) -> Iterator[None]:
    """Run in an empty folder, without the settings of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        for name in [name for name in os.environ if name.startswith("ACCOUNTS_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def passwords() -> Passwords:
    """Hash cheaply: what the real cost is, one test of its own says."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def app(passwords: Passwords) -> Iterator[Flask]:
    """Make a bank with an auditor and a teller in it."""
    staff = [{"username": name, "role": name, "password": PASSWORD} for name in (AUDITOR, TELLER)]
    made = create_app({"STAFF": staff, "LOG_FILE": "app.log"}, passwords=passwords)
    yield made
    made.extensions["accounts"].close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Start a PostgreSQL for the session."""
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def mongo() -> Iterator[Mongo]:
    """Start a MongoDB of one node for the session."""
    server = Mongo()
    yield server
    server.remove()


@pytest.fixture
def http(app: Flask) -> Http:
    """Call the bank as a stranger."""
    return Http(app)


@pytest.fixture
def bank() -> Teller:
    """Make the business layer of a bank, without HTTP."""
    return Teller()
