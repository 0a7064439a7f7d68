"""Thousands of transfers in one batch: kept like any other, and asked twice at once done once."""

import pytest

from accounts_bank.ledger.actions import Bulk, BulkMode, Transfer
from accounts_bank.ledger.entries import Entry, Needs
from accounts_bank.ledger.integrity.proof import prove
from tests.helpers import START
from tests.stores.books import Books, at_once
from tests.stores.journals import sealed

COUNT = 1_500
ODD = ["\t", "\n", "\r\n", "\\N", "\\.", "\\", "a\\tb", '"', "'", "", " ", None, "{}", "é 家 👩‍💻"]


@pytest.fixture
def books(account_store):
    return Books(account_store)


def batch_of(payer: str, payee: str) -> list[Entry]:
    head = Entry("many", "caller", START, Bulk(BulkMode.EACH, COUNT, "digest"))
    return [head, *(part(index, payer, payee) for index in range(COUNT))]


def part(index: int, payer: str, payee: str) -> Entry:
    reference = ODD[index % len(ODD)]
    ask = Transfer(payer, payee, 1, "EUR", reference, "many")
    return Entry(f"many/{index:04d}", "owner-ada", START, ask)


def test_thousands_of_transfers_are_kept_as_they_were_told(books):
    books.given(ada=1_490, bob=0)
    batch = batch_of(books.opened["ada"], books.opened["bob"])
    first = books.store.append(batch)
    assert [str(each.status) for each in first[-11:]] == ["recorded"] + ["funds_insufficient"] * 10
    assert books.balances() == {"ada": 0, "bob": 1_490}
    kept = books.store.load(Needs(entries=frozenset(each.id for each in batch))).entries
    assert [kept[each.id] for each in batch] == [each.recorded for each in first]
    assert [line.reference for line in books.lines("bob")[: len(ODD)]] == ODD
    again = books.store.append(batch)
    assert [each.recorded for each in again] == [each.recorded for each in first]
    assert all(each.replayed for each in again)
    with books.store.ledger() as ledger:
        assert prove(ledger).lines == 2 * 1_490 + 2


def test_thousands_asked_twice_at_once_are_recorded_once(books):
    """They name no account that is there: nothing that could be locked keeps the two apart."""
    batch = batch_of("nobody", "nobody else")
    answers = at_once(3, lambda _: books.store.append(batch))
    assert sorted(each[0].replayed for each in answers) == [False, True, True]
    assert {str(each.status) for each in answers[0][1:]} == {"not_found"}
    with books.store.ledger() as ledger:
        assert prove(ledger).entries == COUNT + 1
    assert len(sealed(books.store)) == COUNT + 1
