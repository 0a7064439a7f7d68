"""Budgets: the daily limit of a key is decided in the commit of the payment."""

from datetime import timedelta

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from accounts_bank.ledger.actions import AskApproval, Every, Hold, Schedule, Transfer, Withdrawal
from accounts_bank.ledger.budgets import KeyUse
from accounts_bank.ledger.entries import Entry, needs
from accounts_bank.ledger.integrity.proof import prove
from tests.helpers import START
from tests.ledger.bank import Bank

KEY = KeyUse("k1", 50)
EVENING = START + timedelta(days=1, microseconds=-1)
MIDNIGHT = START + timedelta(days=1)


@pytest.fixture
def bank():
    return Bank(ada=1000, bob=0)


def transfer(bank: Bank, amount_minor: int, key=KEY) -> Transfer:
    return Transfer(bank.opened["ada"], bank.opened["bob"], amount_minor, "EUR", key=key)


def test_each_kind_of_payment_counts_against_one_budget(bank):
    ada, bob = bank.opened["ada"], bank.opened["bob"]
    assert bank.say(transfer(bank, 20)) == "recorded"
    assert bank.say(Withdrawal(ada, 20, "EUR", key=KEY)) == "recorded"
    assert bank.say(Hold(ada, bob, 10, "EUR", 60, key=KEY)) == "recorded"
    for action in (
        transfer(bank, 1),
        Withdrawal(ada, 1, "EUR", key=KEY),
        Hold(ada, bob, 1, "EUR", 60, key=KEY),
    ):
        outcome = bank.ask(action)
        assert outcome.status == "limit_exceeded"
        assert outcome.recorded.details == (("left_minor", 0),)
    with bank.store.ledger() as ledger:
        prove(ledger)


def test_a_budget_begins_anew_at_midnight(bank):
    assert bank.say(transfer(bank, 50), at=EVENING) == "recorded"
    assert bank.say(transfer(bank, 1), at=EVENING) == "limit_exceeded"
    assert bank.say(transfer(bank, 50), at=MIDNIGHT) == "recorded"


def test_a_refused_payment_counts_for_nothing(bank):
    assert bank.say(transfer(bank, 51)) == "limit_exceeded"
    assert bank.say(transfer(bank, 50)) == "recorded"


@pytest.mark.parametrize("key", [UNSET, KeyUse("k1"), KeyUse("k2", 50)])
def test_a_person_and_another_key_have_no_part_in_a_budget(bank, key):
    assert bank.say(transfer(bank, 50)) == "recorded"
    assert bank.say(transfer(bank, 50, key)) == "recorded"


def test_a_retry_by_another_key_is_a_replay(bank):
    first = transfer(bank, 50)
    assert bank.ask(first, entry_id="e").status == "recorded"
    for key in (UNSET, KeyUse("k2", 1)):
        again = bank.ask(replace(first, key=key), entry_id="e")
        assert (again.status, again.replayed) == ("recorded", True)
    assert bank.say(replace(first, amount_minor=49), entry_id="e") == "key_reused"


def test_the_budget_of_each_currency_is_its_own(bank):
    euros = transfer(bank, 50)
    names = [each.budget_id for each in (euros, replace(euros, currency="USD"))]
    assert names == ["key-k1-eur", "key-k1-usd"]
    assert replace(euros, key=KeyUse("k1")).budget_id is None


def test_a_schedule_is_made_although_its_runs_pass_the_budget(bank):
    names = bank.opened["ada"], bank.opened["bob"]
    assert bank.say(Schedule(*names, 51, "EUR", START, Every.DAY, key=KEY)) == "recorded"


def test_a_request_for_approval_needs_no_account_that_has_no_name():
    ask = AskApproval(Withdrawal("a", 1, "EUR"), 60)
    assert needs([Entry("e", "tom", START, ask, 0)]).accounts == {"a", "till-eur-0"}
