"""The counters of rate limits: processes of one store share them, and each try counts once."""

import time
from itertools import chain

import pytest
from limits.storage import Storage
from sqlalchemy import text

from accounts_bank.stores.memory import InMemoryCounters
from accounts_bank.stores.mongo import MongoCounters, MongoDatabase
from accounts_bank.stores.sql import Database, SqlCounters, counters
from tests.stores.books import at_once
from tests.stores.conftest import STORES, NewDatabase


@pytest.fixture(params=STORES)
def two(request, new_database: NewDatabase):
    """Open the counters of one bank twice, as two processes do."""
    if request.param == "memory":
        yield [InMemoryCounters()] * 2
        return
    database = new_database(request.param)
    if isinstance(database, MongoDatabase):
        other_mongo = MongoDatabase(request.getfixturevalue("mongo").url(database.itself.name))
        yield MongoCounters(database), MongoCounters(other_mongo)
        other_mongo.close()
        return
    other = Database(database.url.render_as_string(hide_password=False))
    yield SqlCounters(database), SqlCounters(other)
    other.close()


def test_two_processes_share_a_count(two: tuple[Storage, Storage]):
    one, other = two
    assert [one.incr("a", 60), other.incr("a", 60), one.incr("b", 60)] == [1, 2, 1]
    assert [other.get("a"), one.get("b"), one.get("c")] == [2, 1, 0]
    assert 0 < other.get_expiry("a") - time.monotonic() <= 60


def test_a_window_ends_and_the_next_begins_with_the_first_count(two):
    one, other = two
    one.incr("a", 1)
    one.incr("a", 1)
    time.sleep(1.05)
    assert other.get("a") == 0
    assert [other.incr("a", 60), one.incr("a", 60)] == [1, 2]


def test_a_count_forgiven_in_one_process_is_forgiven_in_all(two):
    one, other = two
    one.incr("a", 60)
    one.incr("b", 60)
    other.clear("a")
    other.clear("nobody")
    assert [one.get("a"), one.get("b"), one.incr("a", 60)] == [0, 1, 1]
    other.reset()
    assert [one.get("a"), one.get("b")] == [0, 0]


def test_counts_at_the_same_moment_are_all_counted(two, switching):
    told = at_once(8, lambda number: [two[number % 2].incr("a", 60) for _ in range(10)])
    said = sorted(chain.from_iterable(told))
    assert two[0].get("a") == 80
    # Nobody gets past a limit; in memory one may be told of those who came right after it too.
    assert all(each >= number for number, each in enumerate(said, 1))
    assert said == list(range(1, 81)) or isinstance(two[0], InMemoryCounters)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_expired_counts_are_deleted(new_database, monkeypatch, kind):
    database = new_database(kind)
    kept = SqlCounters(database)
    for number in range(5):
        kept.incr(f"old-{number}", 0)
    kept.incr("young", 60)
    time.sleep(0.01)
    monkeypatch.setattr(counters, "PURGE_EVERY_S", 0)
    SqlCounters(database).incr("new", 60)
    rows = database.rows(text("SELECT name FROM counters ORDER BY name"))
    assert [row.name for row in rows] == ["new", "young"]
