"""A mistake of the program is raised as it is, at once; it is no outage of the store."""

from time import monotonic

import pytest
from pymongo.errors import PyMongoError
from sqlalchemy.exc import SQLAlchemyError

from accounts_bank.errors import Unavailable
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Changes, Recorded
from accounts_bank.ledger.values import Line, Status
from tests.helpers import START
from tests.stores.books import Books, at_once

TOLD_MAX_S = 1.0

DURABLE = [
    f"{kind}{grouped}" for kind in ("sqlite", "postgres", "mongo") for grouped in ("", ", grouped")
]
durable = pytest.mark.parametrize("new_account_store", DURABLE, indirect=True)
"""The stores whose keys can collide."""


@pytest.fixture
def books(account_store):
    made = Books(account_store)
    made.given(ada=10, bob=0, cyd=10, dan=0)
    return made


def occupy_next_line(books: Books, name: str) -> None:
    """Save a line under the number that the next line of an account will get."""
    account_id = books.opened[name]
    number = len(books.lines(name)) + 1
    entry = books.entry(books.transfer(name, "bob", 1), entry_id="in the way")
    line = Line(account_id, number, entry.id, entry.kind, 1, 1, None, None, START)
    books.store.restore(Changes([], [], [], [Recorded(entry, Status.RECORDED, START, (line,))]))


@durable
def test_a_key_that_collides_for_good_is_no_outage(books):
    occupy_next_line(books, "ada")
    began_s = monotonic()
    with pytest.raises(Exception, match=r"(?i)unique|duplicate") as caught:
        books.send("ada", "bob", 1)
    assert not isinstance(caught.value, Unavailable)
    assert monotonic() - began_s < TOLD_MAX_S
    assert books.send("cyd", "dan", 1) == "recorded"


@durable
def test_a_key_that_collides_fails_no_other_caller(books):
    occupy_next_line(books, "ada")

    def send(number: int) -> str:
        payer = "ada" if number == 3 else "cyd"
        try:
            return books.send(payer, "dan", 1)
        except Unavailable:
            return "unavailable"
        except (PyMongoError, SQLAlchemyError):
            return "mistake"

    assert at_once(8, send) == ["recorded"] * 3 + ["mistake"] + ["recorded"] * 4


def test_a_broken_rule_is_no_outage(new_account_store):
    def broken(snapshot, entries):
        if len(entries) == 1 and entries[0].id == "bad":
            raise ZeroDivisionError
        return decide(snapshot, entries)

    books = Books(new_account_store(broken))
    books.given(ada=10, bob=0)
    began_s = monotonic()
    with pytest.raises(ZeroDivisionError):
        books.send("ada", "bob", 1, entry_id="bad")
    assert monotonic() - began_s < TOLD_MAX_S
    assert books.send("ada", "bob", 1) == "recorded"
