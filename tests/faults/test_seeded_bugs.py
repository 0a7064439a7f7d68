"""The checker finds each seeded bug, and nothing in a bank that is right."""

from functools import partial

import pytest

from accounts_bank.app import create_app
from tests.faults import books, clients
from tests.faults.books import read_books
from tests.faults.checker import check
from tests.faults.findings import Finding
from tests.faults.history import History
from tests.faults.people import STAFF, clients_of, set_up
from tests.faults.seeded import BUGS, Bank
from tests.faults.transport import AppTransport

TURNS, ROUNDS = 50, 20


def findings_of(bug: type[Bank], passwords, rounds: int) -> list[Finding]:
    """Run four clients in turn against a bank in memory with a bug, until something is found."""
    app = create_app({"STAFF": STAFF, "LOG_FILE": "app.log"}, passwords=passwords)
    try:
        inner, history = AppTransport(app), History()
        people = set_up(inner, history)
        bank = bug(inner, people.teller)
        some = clients_of(people, 4, history, lambda _: bank)
        found: list[Finding] = []
        while rounds and not found:
            rounds -= 1
            for client in some * TURNS:
                client.go_on(1)
            found = check(history, read_books(bank, people.customers, people.auditor))
        return found
    finally:
        app.extensions["accounts"].close()


@pytest.fixture
def found(passwords, monkeypatch):
    monkeypatch.setattr(clients, "PAUSE_S", 0)
    monkeypatch.setattr(books, "SETTLE_S", 4)
    return partial(findings_of, passwords=passwords)


def test_a_right_bank_has_no_findings(found):
    assert found(Bank, rounds=4) == []


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_the_checker_finds_a_seeded_bug(found, bug):
    assert found(bug, rounds=ROUNDS) != []
