"""MongoDB: several processes at the same books."""

import signal
import threading

from accounts_bank.ledger.entries import Needs
from tests.stores.books import at_once
from tests.stores.journals import sealed
from tests.stores.mongo.helpers import NAME, is_sent_once


def test_two_processes_at_the_same_accounts_lose_nothing(books, others):
    def send(number):
        who = (books, others)[number % 2]
        return [who.send("ada", "bob", 1, entry_id=f"{number}-{turn}") for turn in range(5)]

    assert at_once(2, send) == [["recorded"] * 5] * 2
    assert books.balances() == {"ada": 0, "bob": 10}
    assert [line.number for line in books.lines("bob")] == list(range(1, 11))


def test_a_decision_after_an_answer_follows_it_in_the_audit_log(books, others, raw):
    ids = [f"sent-{number:02d}" for number in range(20, 0, -1)]
    for number in range(10):
        who = (books, others)[number % 2]
        pair = ids[2 * number : 2 * number + 2]
        asks = [who.entry(who.transfer("ada", "bob", 1), entry_id=each) for each in pair]
        who.store.append(asks)
    kept = raw[NAME]["entries"]
    lying = list(kept.find({}).sort("_id"))  # as on a node that copied them from another one
    kept.delete_many({})
    kept.insert_many(lying)
    assert [recorded.entry.id for recorded in sealed(books.store)[-20:]] == ids


def test_a_server_that_is_frozen_for_a_moment_keeps_us_waiting_and_no_more(mongo, books):
    process = mongo.nodes[0].process
    process.send_signal(signal.SIGSTOP)
    timer = threading.Timer(1.5, process.send_signal, [signal.SIGCONT])
    timer.start()
    is_sent_once(books)
    timer.join()


def test_a_reading_is_of_one_moment(books, others, monkeypatch):
    store, entries = books.store, books.store._entries

    def later(session, ids):
        others.send("ada", "bob", 4, entry_id="one")
        return entries(session, ids)

    monkeypatch.setattr(store, "_entries", later)
    names = frozenset(books.opened.values())
    found = store.load(Needs(accounts=names, entries=frozenset(("one",))))
    assert sorted(account.balance_minor for account in found.accounts.values()) == [0, 10]
    assert found.entries == {}
