"""Staff does nothing to an account of its own; a customer's rights stay."""

import pytest

from accounts_bank.errors import OwnAccount
from accounts_bank.identity import Role
from accounts_bank.ledger.actions import Deposit, Transfer, Withdrawal


@pytest.fixture
def town(bank):
    """A customer, a teller and another teller, each with an account and 100."""
    bank.caller("tom", Role.TELLER)
    bank.caller("tess", Role.TELLER)
    bank.given(ada=100)
    for name in ("tom", "tess"):
        bank.opened[name] = bank.accounts.open(bank.caller(name), name.title(), "EUR")
        action = Deposit(bank.opened[name].id, 100, "EUR")
        other = bank.caller("tess" if name == "tom" else "tom")
        bank.accounts.deposit(other, action, None)
    return bank


ACTS = {
    "deposit": lambda accounts, who, id_: accounts.deposit(who, Deposit(id_, 5, "EUR"), None),
    "withdraw": lambda accounts, who, id_: accounts.withdraw(who, Withdrawal(id_, 5, "EUR"), None),
    "freeze": lambda accounts, who, id_: accounts.freeze(who, id_),
    "unfreeze": lambda accounts, who, id_: accounts.unfreeze(who, id_),
    "limit credit": lambda accounts, who, id_: accounts.limit_credit(who, id_, 100),
    "limit day": lambda accounts, who, id_: accounts.limit_day(who, id_, None),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("by", ["id", "number"])
def test_a_teller_does_nothing_to_an_own_account(town, act, by):
    tom, before = town.caller("tom"), town.balances()
    with pytest.raises(OwnAccount):
        ACTS[act](town.accounts, tom, getattr(town.opened["tom"], by))
    assert town.balances() == before
    ACTS[act](town.accounts, tom, town.opened["tess"].id)
    ACTS[act](town.accounts, tom, town.opened["ada"].id)


def sent(town, payer: str, payee: str) -> str:
    action = Transfer(town.opened[payer].id, town.opened[payee].number, 50, "EUR")
    outcome = town.accounts.transfer(town.caller(payer), action, None)
    return str(outcome.recorded.entry.id)


def test_a_teller_reverses_no_transfer_that_it_paid(town):
    transfer_id = sent(town, "tom", "ada")
    with pytest.raises(OwnAccount):
        town.accounts.reversals.create(town.caller("tom"), transfer_id, None)
    assert town.balances() == {"ada": 150, "tom": 50, "tess": 100}
    town.accounts.reversals.create(town.caller("tess"), transfer_id, None)
    assert town.balances() == {"ada": 100, "tom": 100, "tess": 100}


def test_a_teller_sends_back_money_that_it_received(town):
    transfer_id = sent(town, "ada", "tom")
    town.accounts.reversals.create(town.caller("tom"), transfer_id, None)
    assert town.balances() == {"ada": 100, "tom": 100, "tess": 100}


@pytest.mark.parametrize("end", ["capture", "void"])
def test_a_teller_ends_no_hold_on_an_own_account(town, end):
    hold = town.hold("tom", "ada", 50)
    with pytest.raises(OwnAccount):
        getattr(town.accounts.holds, end)(town.caller("tom"), hold.id, None)
    getattr(town.accounts.holds, end)(town.caller("tess"), hold.id, None)


def test_a_customer_uses_an_own_account(town):
    ada = town.caller("ada")
    town.accounts.deposit(ada, Deposit(town.opened["ada"].id, 5, "EUR"), None)
    assert town.balances()["ada"] == 105
