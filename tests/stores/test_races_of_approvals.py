"""Races of approvals on every store: a request is decided once, by the first decision."""

from datetime import timedelta
from itertools import count

import pytest

from accounts_bank.ledger.actions import (
    AskApproval,
    Deposit,
    GrantApproval,
    RefuseApproval,
    SetRole,
)
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Entry, Needs
from accounts_bank.ledger.integrity.proof import prove
from tests.helpers import START
from tests.stores.books import RACE_S, Books, at_once


@pytest.fixture
def books(new_account_store):
    made = Books(new_account_store(decide), patience_s=RACE_S)
    made.given(ada=100)
    return made


@pytest.mark.parametrize("with_refusals", [False, True])
def test_of_many_decisions_at_once_one_counts(books, with_refusals):
    action = Deposit(books.opened["ada"], 500, "EUR")
    books.store.append([Entry("asked", "tom", START, AskApproval(action, 60))])

    def decides(number: int) -> str:
        named = "asked", books.opened["ada"]
        if with_refusals and number % 2:
            entries = [Entry(f"no-{number}", f"t{number}", START, RefuseApproval(*named))]
        else:
            grant = Entry(f"yes-{number}", f"t{number}", START, GrantApproval(*named))
            entries = [grant, Entry("granted", "tom", START, action)]
        return str(books.store.append(entries)[0].status)

    said = at_once(6, decides)
    assert said.count("recorded") == 1
    assert set(said) <= {"recorded", "approval_granted", "approval_refused"}
    assert books.balances()["ada"] in ({100, 600} if with_refusals else {600})
    with books.store.ledger() as ledger:
        prove(ledger)


def test_grants_of_a_role_at_once_are_one(books):
    action = SetRole("owner-new", "teller")
    books.store.append([Entry("asked", "root", START, AskApproval(action, 60, "owner-new"))])

    def grants(number: int) -> str:
        grant = GrantApproval("asked", user_id="owner-new")
        head = Entry(f"yes-{number}", f"t{number}", START, grant)
        return str(books.store.append([head, Entry("granted", "root", START, action)])[0].status)

    assert at_once(6, grants).count("recorded") == 1
    with books.store.ledger() as ledger:
        prove(ledger)


def test_a_grant_races_with_the_end_of_its_time(books):
    numbers, action = count(), Deposit(books.opened["ada"], 500, "EUR")
    books.store.append([Entry("asked", "tom", START, AskApproval(action, 60))])

    def grants(seconds: int) -> str:
        at = START + timedelta(seconds=seconds)
        grant = GrantApproval("asked", books.opened["ada"])
        head = Entry(f"yes-{next(numbers)}", "tess", at, grant)
        return str(books.store.append([head, Entry("granted", "tom", at, action)])[0].status)

    said = at_once(4, lambda number: grants(59 + number))
    assert set(said[1:]) <= {"approval_expired", "approval_granted"}
    assert said[0] == "recorded"
    assert books.balances()["ada"] == 600
    progress = books.store.load(Needs(progress=frozenset(("asked",)))).progress
    assert progress["asked"].stage == "granted"
