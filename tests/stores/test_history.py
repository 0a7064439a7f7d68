"""The balance over time: in every store it matches the lines at each moment."""

from datetime import timedelta

import pytest

from accounts_bank.ledger.actions import Deposit
from accounts_bank.stores import base
from tests.helpers import START
from tests.stores.books import Books


@pytest.fixture
def books(account_store):
    """Ada and Bob, paid 1, 2, 3 ... in turn, a second apart, and Eve with nothing."""
    books = Books(account_store)
    books.given(ada=0, bob=0, eve=0)
    for turn in range(1, 25):
        books.ask(Deposit(books.opened["ada" if turn % 3 else "bob"], turn, "EUR"))
    return books


@pytest.mark.parametrize("at_once", [200, 7, 1])
@pytest.mark.parametrize("names", [["ada"], ["bob", "eve", "ada"], ["eve"], []])
def test_history_matches_the_lines_at_each_size_of_reading(books, names, at_once, monkeypatch):
    monkeypatch.setattr(base, "LINES_AT_ONCE", at_once)
    moments = [START + timedelta(seconds=0.5 * n) for n in range(-2, 70, 3)]
    lines = [line for name in names for line in books.lines(name)]
    expected = [sum(line.amount_minor for line in lines if line.at < each) for each in moments]
    ids = [books.opened[name] for name in names]
    assert books.store.total_before(ids, moments) == expected
    assert books.store.total_before(ids, moments[9:]) == expected[9:]
    uneven = [START + timedelta(seconds=n * n, microseconds=n) for n in range(7)]
    expected = [sum(line.amount_minor for line in lines if line.at < each) for each in uneven]
    assert books.store.total_before(ids, uneven) == expected


def test_one_moment_may_be_asked_for_twice(books):
    moments = [START + timedelta(days=1)] * 2
    assert (
        books.store.total_before([books.opened["ada"]], moments)
        == [sum(turn for turn in range(1, 25) if turn % 3)] * 2
    )
