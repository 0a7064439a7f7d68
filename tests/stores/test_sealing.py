"""Sealing where several processes share a store: each item gets one number, in order."""

from collections import defaultdict
from threading import Event as Signal

import pytest

from accounts_bank.identity import Event
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Recorded
from accounts_bank.ledger.sealing import link
from accounts_bank.stores.databases import recent_entries
from accounts_bank.stores.mongo import MongoAccountStore, MongoDatabase, MongoUserStore
from accounts_bank.stores.sql import SqlAccountStore, SqlUserStore
from accounts_bank.stores.wrappers.group_commit import GroupCommit
from tests.helpers import START
from tests.stores.books import Books, at_once
from tests.stores.journals import journal_of, opened, sealed

TURNS = 40


@pytest.fixture(params=["sqlite", "postgres", "mongo"])
def database(request, new_database):
    return new_database(request.param)


@pytest.fixture
def processes(database):
    """Give two stores on one database, as two processes have them."""
    kind = MongoAccountStore if isinstance(database, MongoDatabase) else SqlAccountStore
    return [Books(GroupCommit(kind(database, decide))) for _ in "ab"]


def test_processes_that_seal_at_once_give_each_item_one_number(database, processes):
    one, other = processes
    one.given(ada=10_000, bob=10_000, eve=0)
    other.opened, other.owners = one.opened, one.owners
    users = (MongoUserStore if isinstance(database, MongoDatabase) else SqlUserStore)(database)
    is_over = Signal()

    def act(number: int) -> None:
        journal = journal_of(processes[number % 2].store)
        if number < 2:  # a sealer
            while not is_over.is_set():
                journal.seal(7)
            return
        payer, payee = (("ada", "eve"), ("bob", "eve"), ("ada", "bob"), ("bob", "ada"))[number - 2]
        for turn in range(TURNS):
            processes[number % 2].send(payer, payee, 1, entry_id=f"{number}-{turn}")
            users.put([], [Event(f"e-{number}-{turn}", "login", START, None, None)])
        done.append(number)
        if len(done) == 4:
            is_over.set()

    done: list[int] = []
    at_once(6, act)
    items = sealed(one.store)
    ids = [item.entry.id if isinstance(item, Recorded) else item.id for item in items]
    assert len(ids) == len(set(ids)) == 5 + 2 * 4 * TURNS
    rows = opened(database).numbered(1, 10_000)
    assert [row.number for row in rows] == list(range(1, len(ids) + 1))
    before = ""
    for row, item in zip(rows, items, strict=True):
        before = link(before, row.number, row.id, item.digest)
        assert row.hash == before
    head = opened(database).head()
    assert (head.number, head.hash) == (len(ids), before)
    in_order(items)


def in_order(items) -> None:
    """Check that the lines of each account have numbers in their own order."""
    found = defaultdict(list)
    for item in items:
        for line in item.lines if isinstance(item, Recorded) else ():
            found[line.account_id].append(line.number)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in found.values())


def test_a_process_reads_the_entries_that_another_one_saved(processes, monkeypatch):
    one, other = processes
    one.given(ada=10)
    assert sealed(other.store) == sealed(one.store) != []


@pytest.fixture
def small_cache(monkeypatch):
    """Bound the caches of the stores that later fixtures open."""
    monkeypatch.setattr(recent_entries, "ENTRIES_MAX", 2)


def test_entries_that_left_the_cache_are_read_from_the_store(small_cache, processes):
    one, other = processes
    one.given(ada=10, bob=20, eve=30)
    items = sealed(one.store)
    assert len(items) == 6
    assert items == sealed(other.store)


def test_a_cursor_moves_forward_only(database):
    journal = opened(database)
    assert journal.cursor("audit_log:a") == 0
    for number in (3, 7, 5):
        journal.advance("audit_log:a", number)
    journal.advance("audit_log:b", 1)
    assert journal.cursors() == {"audit_log:a": 7, "audit_log:b": 1}


def test_a_page_of_the_feed_begins_after_any_number(processes):
    one, _ = processes
    one.given(ada=10, bob=20)
    whole, journal = sealed(one.store), journal_of(one.store)
    for after in range(6):
        for limit in (1, 2, 9):
            page = journal.sealed_after(after, limit)
            assert [each.item for each in page] == whole[after : after + limit]
            assert [each.number for each in page] == [*range(after + 1, 5)][:limit]
            for each in page:
                row = journal.numbered(each.number - 1, 1)[0] if each.number > 1 else None
                assert each.previous_hash == (row.hash if row else "")


def test_the_id_of_a_bank_is_made_once(database):
    assert opened(database).bank_id == opened(database).bank_id != ""
