"""Sealing where several processes share a store."""

import pytest

from accounts_bank.ledger.decide import decide
from accounts_bank.stores.databases import unsealed_cache
from accounts_bank.stores.mongo import MongoAccountStore, MongoDatabase
from accounts_bank.stores.sql import SqlAccountStore
from accounts_bank.stores.wrappers.group_commit import GroupCommit
from tests.stores.books import Books


@pytest.fixture(params=["sqlite", "postgres", "mongo"])
def processes(request, new_database):
    """Give two stores on one database, as two processes have them."""
    database = new_database(request.param)
    kind = MongoAccountStore if isinstance(database, MongoDatabase) else SqlAccountStore
    return [Books(GroupCommit(kind(database, decide))) for _ in "ab"]


def own(books: Books) -> list[str]:
    return [recorded.entry.kind for recorded in books.store.own_unsealed(100)]


def test_each_process_seals_its_own_entries(processes):
    one, other = processes
    one.given(ada=10)
    assert own(other) == []
    assert own(one) == ["account_opened", "deposit"]
    one.store.mark_sealed(one.store.own_unsealed(1))
    assert own(one) == ["deposit"]


def test_other_processes_take_over_the_entries_of_a_dead_one(processes, monkeypatch):
    one, other = processes
    one.given(ada=10)
    assert own(other) == []
    monkeypatch.setattr(unsealed_cache, "FOREIGN_WAIT_S", 0)
    assert own(other) == ["account_opened", "deposit"]
    assert list(other.store.own_unsealed(100)) == list(one.store.unsealed(100))


@pytest.fixture
def small_cache(monkeypatch):
    """Bound the caches of the stores that later fixtures open."""
    monkeypatch.setattr(unsealed_cache, "ENTRIES_MAX", 2)


def test_new_entries_take_the_place_of_foreign_sealed_ones(small_cache, processes):
    one, other = processes
    one.given(ada=10)
    other.store.mark_sealed(other.store.unsealed(100))
    one.given(bob=0)
    assert own(one) == ["account_opened"]
