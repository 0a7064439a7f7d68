"""Fixtures of every test: a bank and a folder of its own."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from time import sleep, time
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from hypothesis import HealthCheck, settings
from werkzeug.routing import Rule

from accounts_bank.app import create_app
from accounts_bank.collections.passwords import Passwords
from accounts_bank.stores.sql import Database
from tests.helpers import AUDITOR, PASSWORD, TELLER, Http, Teller
from tests.mongo import Mongo
from tests.postgres import Postgres
from tests.preloaded import COVERED_PROCESSES, start_preloaded
from tests.rounds import SOAK

settings.register_profile(
    "ci", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("ci")

_compile_builder = Rule._compile_builder
_builders: dict[tuple[object, ...], Any] = {}


def _compile_once(rule: Rule, append_unknown: bool = True) -> Any:
    """Compile each route's URL builder once: it takes 50 of the 70 ms of a test's app."""
    key = tuple(rule._trace), repr(rule.defaults), append_unknown
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]


Rule._compile_builder = _compile_once  # type: ignore[assignment, method-assign] # Werkzeug offers no cache

DAY_S, MIDNIGHT_S = 24 * 60 * 60, 60
SLOWEST_FIRST = (
    "tests/system/test_crashes.py",
    "tests/faults/",
    "tests/system/test_load_balancer.py",
    "tests/stores/test_against_model.py",
    "tests/system/test_bulk_crashes.py",
    "tests/system/",
    "tests/web/browser/",
    "tests/stores/",
    "tests/",
)


UNCOVERED = (
    "tests/deploy/",
    "tests/faults/",
    "tests/gates/",
    "tests/sandbox/test_lost_answers.py",
    "tests/stores/test_against_model.py",
    "tests/stores/test_races",
    "tests/system/test_backups.py",
    "tests/system/test_broken_databases.py",
    "tests/system/test_bulk_crashes.py",
    "tests/system/test_crashes.py",
    "tests/system/test_clocks.py",
    "tests/system/test_demo_twice.py",
    "tests/system/test_failover.py",
    "tests/system/test_hostile_folder.py",
    "tests/system/test_load_balancer.py",
    "tests/system/test_partition.py",
    "tests/system/test_power.py",
    "tests/system/test_readme.py",
    "tests/system/test_rotation.py",
    "tests/system/test_runner.py",
    "tests/system/test_scale.py",
    "tests/system/test_server_answers.py",
    "tests/system/test_several_hosts.py",
    "tests/system/test_shared_limits.py",
    "tests/system/test_slow_clients.py",
    "tests/system/test_statements.py",
    "tests/system/test_wheel.py",
    "tests/web/browser/",
)
"""Tests of lines that other tests run too. Coverage makes a test up to 1.75 times as long."""


COVERED = pytest.StashKey[str]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the slow files first, so that the processes that share the tests end together."""
    items.sort(key=lambda item: list(map(item.nodeid.startswith, SLOWEST_FIRST)).index(True))
    for item in items:
        if item.nodeid.startswith(UNCOVERED):
            item.add_marker("no_cover")


def pytest_collection_finish() -> None:
    """Exempt all tests and modules from garbage collection: a full one looks at each object."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Choose how this test and its fixtures start processes, before any fixture starts one."""
    start_preloaded(is_on=not (SOAK or item.get_closest_marker("real_start")))
    covered = item.config.stash.setdefault(COVERED, os.environ.get(COVERED_PROCESSES, ""))
    if covered and not item.get_closest_marker("no_cover"):
        os.environ[COVERED_PROCESSES] = covered
    else:
        os.environ.pop(COVERED_PROCESSES, None)


@pytest.fixture(autouse=True)
def _one_day() -> None:
    """Wait for midnight (UTC) where it is near, so that no test sees two days."""
    left_s = DAY_S - time() % DAY_S
    if left_s < MIDNIGHT_S:
        sleep(left_s)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path) -> Iterator[None]:
    """Run in an empty folder, without the settings of the developer's shell.

    Commands that run in this process set its umask; the next test gets the old one.
    """
    umask = os.umask(0)
    os.umask(umask)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        for name in [name for name in os.environ if name.startswith("ACCOUNTS_")]:
            patch.delenv(name)
        yield
    os.umask(umask)


@pytest.fixture(scope="session")
def passwords() -> Passwords:
    """Hash at the least cost. A test of its own states the real cost."""
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
    with Postgres(fsync=False) as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> str:
    """Return the name of a PostgreSQL template that has the schema: a copy takes half the time."""
    Database(postgres.database("migrated")).close()
    return "migrated"


@pytest.fixture(scope="session")
def mongo() -> Iterator[Mongo]:
    """Start a MongoDB of one node for the session."""
    with Mongo() as server:
        yield server


@pytest.fixture
def http(app: Flask) -> Http:
    """Call the bank without signing in."""
    return Http(app)


@pytest.fixture
def bank() -> Teller:
    """Make the business layer of a bank, without HTTP."""
    return Teller()
