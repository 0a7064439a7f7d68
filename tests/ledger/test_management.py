"""Accounts and customers: the effects and the refusals of open, rename, close and leave."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from accounts_bank.ledger.actions import (
    ChangeAccount,
    CloseAccount,
    Leave,
    OpenAccount,
    RenameAccount,
    Withdrawal,
)
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Needs, needs
from accounts_bank.ledger.values import Customer
from tests.helpers import START
from tests.ledger.bank import Bank
from tests.stores.books import EVER


@pytest.fixture
def bank():
    return Bank(ada=100, bob=0)


def customer(bank, owner_id):
    needs = Needs(customers=frozenset((owner_id,)))
    return bank.store.load(needs).customers.get(owner_id)


def test_a_new_account_is_empty(bank):
    bank.say(OpenAccount("owner-cyd", "Savings", "CHF"), entry_id="new")
    opened = bank.store.account("new")
    assert (opened.owner_id, opened.name, opened.currency) == ("owner-cyd", "Savings", "CHF")
    assert (opened.balance_minor, opened.held_minor, opened.floor_minor) == (0, 0, 0)
    assert (opened.created_at, opened.moved_at) == (START, START)
    assert (opened.line_count, opened.daily_limit_minor, opened.status) == (0, None, "open")
    assert customer(bank, "owner-cyd") == Customer("owner-cyd", open_accounts=1)


def test_a_rename_changes_the_name_alone(bank):
    before = bank.account("ada")
    assert bank.say(RenameAccount(before.id, "Savings", before.name)) == "recorded"
    after = bank.account("ada")
    assert after.name == "Savings"
    assert (after.number, after.balance_minor) == (before.number, before.balance_minor)
    assert bank.say(RenameAccount(before.id, "Again", before.name)) == "precondition_failed"


def test_a_change_keeps_the_other_fields(bank):
    before = bank.account("ada")
    assert bank.say(ChangeAccount(before.id, {"team": "a"})) == "recorded"
    assert bank.account("ada") == replace(before, metadata={"team": "a"})
    assert bank.say(ChangeAccount(before.id, {}, "Savings")) == "recorded"
    assert bank.account("ada") == replace(before, name="Savings")


def test_a_refused_close_says_the_balance(bank):
    outcome = bank.ask(CloseAccount(bank.opened["ada"], "owner-ada"))
    assert outcome.status == "balance_not_zero"
    assert outcome.recorded.details == (("balance_minor", 100),)


@pytest.mark.parametrize("owner_id", ["owner-ada", "nobody"])
def test_another_owner_cannot_close_the_account(bank, owner_id):
    assert bank.say(CloseAccount(bank.opened["bob"], owner_id)) == "account_unknown"
    assert customer(bank, "owner-ada").open_accounts == 1


def test_a_customer_with_open_accounts_cannot_leave(bank):
    bank.say(OpenAccount("owner-bob", "More", "EUR"))
    outcome = bank.ask(Leave("owner-bob"))
    assert (outcome.status, outcome.recorded.details) == ("accounts_open", (("open_accounts", 2),))
    assert customer(bank, "owner-bob") == Customer("owner-bob", open_accounts=2)


def test_a_second_leave_changes_nothing(bank):
    bank.say(CloseAccount(bank.opened["bob"], "owner-bob"))
    for _ in range(2):
        assert bank.say(Leave("owner-bob")) == "recorded"
        assert customer(bank, "owner-bob") == Customer("owner-bob", open_accounts=0, left=True)
    assert bank.say(OpenAccount("owner-bob", "More", "EUR")) == "customer_left"


def test_an_unknown_customer_may_leave(bank):
    assert bank.say(Leave("nobody")) == "recorded"
    assert customer(bank, "nobody") == Customer("nobody", left=True)
    bank.proven()


def test_a_batch_counts_the_accounts_of_each_customer(bank):
    opening = [OpenAccount("owner-cyd", "More", "EUR"), OpenAccount("owner-dan", "More", "EUR")]
    bank.store.append([bank.entry(each) for each in opening])
    for owner_id in ("owner-cyd", "owner-dan"):
        assert customer(bank, owner_id) == Customer(owner_id, open_accounts=1)


def test_a_till_is_opened_with_the_first_cash(bank):
    till = bank.store.account("till-eur-0")
    assert (till.id, till.number, till.name) == ("till-eur-0", "till-eur-0", "Cash")
    assert (till.owner_id, till.currency, till.floor_minor) == ("bank", "EUR", None)
    assert START < till.created_at < till.moved_at + timedelta(seconds=1)


def test_the_bank_is_no_counterparty(bank):
    bank.say(Withdrawal(bank.opened["ada"], 1, "EUR"))
    assert [line.counterparty for line in bank.lines("ada")] == [None, None]
    lines = bank.store.lines("till-eur-0", before=None, period=EVER, limit=9)
    assert [line.counterparty for line in lines] == [bank.account("ada").number] * 2


def test_an_entry_ref_has_the_time_of_the_recorded_entry(bank):
    later = START.replace(year=2030)
    bank.say(bank.transfer("ada", "bob", 1), at=later)
    late = bank.entry(bank.transfer("ada", "bob", 1), at=START)
    changes = decide(bank.store.load(needs([late])), [late])
    assert [(each.of_id, each.kind, each.at, each.entry_id) for each in changes.entry_refs] == [
        (owner_id, "transfer", later, late.id) for owner_id in ("owner-ada", "owner-bob")
    ]
