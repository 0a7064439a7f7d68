"""Accounts and customers: what opening, renaming, closing and leaving change, and what they say."""

import pytest

from accounts.ledger.actions import CloseAccount, Leave, OpenAccount, RenameAccount
from accounts.ledger.entries import Needs
from accounts.ledger.values import Customer
from tests.helpers import START
from tests.ledger.bank import Bank


@pytest.fixture
def bank():
    return Bank(ada=100, bob=0)


def customer(bank, owner_id):
    needs = Needs(customers=frozenset((owner_id,)))
    return bank.store.load(needs).customers.get(owner_id)


def test_an_account_begins_with_nothing(bank):
    bank.say(OpenAccount("owner-cyd", "Savings", "CHF"), entry_id="new")
    opened = bank.store.account("new")
    assert (opened.owner_id, opened.name, opened.currency) == ("owner-cyd", "Savings", "CHF")
    assert (opened.balance_minor, opened.held_minor, opened.floor_minor) == (0, 0, 0)
    assert (opened.created_at, opened.moved_at) == (START, START)
    assert (opened.line_count, opened.daily_limit_minor, opened.status) == (0, None, "open")
    assert customer(bank, "owner-cyd") == Customer("owner-cyd", open_accounts=1)


def test_a_new_name_changes_the_name_alone(bank):
    before = bank.account("ada")
    assert bank.say(RenameAccount(before.id, "Savings", before.name)) == "recorded"
    after = bank.account("ada")
    assert after.name == "Savings"
    assert (after.number, after.balance_minor) == (before.number, before.balance_minor)
    assert bank.say(RenameAccount(before.id, "Again", before.name)) == "precondition_failed"


def test_what_is_left_on_an_account_is_said(bank):
    outcome = bank.ask(CloseAccount(bank.opened["ada"], "owner-ada"))
    assert outcome.status == "balance_not_zero"
    assert outcome.recorded.details == (("balance_minor", 100),)


@pytest.mark.parametrize("owner_id", ["owner-ada", "nobody"])
def test_who_is_not_the_owner_closes_nothing(bank, owner_id):
    assert bank.say(CloseAccount(bank.opened["bob"], owner_id)) == "account_unknown"
    assert customer(bank, "owner-ada").open_accounts == 1


def test_who_has_accounts_is_told_how_many_and_stays(bank):
    bank.say(OpenAccount("owner-bob", "More", "EUR"))
    outcome = bank.ask(Leave("owner-bob"))
    assert (outcome.status, outcome.recorded.details) == ("accounts_open", (("open_accounts", 2),))
    assert customer(bank, "owner-bob") == Customer("owner-bob", open_accounts=2)


def test_who_has_left_has_left(bank):
    bank.say(CloseAccount(bank.opened["bob"], "owner-bob"))
    for _ in range(2):
        assert bank.say(Leave("owner-bob")) == "recorded"
        assert customer(bank, "owner-bob") == Customer("owner-bob", open_accounts=0, left=True)
    assert bank.say(OpenAccount("owner-bob", "More", "EUR")) == "customer_left"


def test_who_never_came_may_leave(bank):
    assert bank.say(Leave("nobody")) == "recorded"
    assert customer(bank, "nobody") == Customer("nobody", left=True)
    bank.proven()
