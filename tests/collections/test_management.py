"""Management of accounts by tellers: freezing and limits."""

import pytest

from accounts_bank.errors import Forbidden, NotFound, Refused
from accounts_bank.identity import Role

ACTS = {
    "freeze": lambda bank, caller, name: bank.accounts.freeze(caller, name),
    "unfreeze": lambda bank, caller, name: bank.accounts.unfreeze(caller, name),
    "credit": lambda bank, caller, name: bank.accounts.limit_credit(caller, name, 50),
    "day": lambda bank, caller, name: bank.accounts.limit_day(caller, name, 30),
}


@pytest.fixture
def teller(bank):
    bank.given(ada=100, bob=0)
    return bank.caller("till", Role.TELLER)


def test_a_frozen_account_accepts_money_and_pays_none(bank, teller):
    for _ in range(2):
        frozen = bank.accounts.freeze(teller, bank.opened["ada"].number)
        assert frozen.status == "frozen"
    assert bank.send("ada", "bob", 1) == "account_frozen"
    assert bank.deposit("ada", 1) == "recorded"
    assert bank.accounts.unfreeze(teller, bank.opened["ada"].id).status == "open"
    assert bank.send("ada", "bob", 1) == "recorded"


def test_a_credit_limit_permits_a_negative_balance(bank, teller):
    limited = bank.accounts.limit_credit(teller, bank.opened["ada"].id, 50)
    assert (limited.floor_minor, limited.available_minor) == (-50, 150)
    assert bank.send("ada", "bob", 151) == "funds_insufficient"
    assert bank.send("ada", "bob", 150) == "recorded"
    with pytest.raises(Refused) as caught:
        bank.accounts.limit_credit(teller, bank.opened["ada"].id, 40)
    assert (caught.value.code, caught.value.extra) == (
        "funds_insufficient",
        {"shortfall_minor": 10},
    )


def test_a_daily_limit_ends_with_its_day_and_can_be_lifted(bank, teller):
    assert bank.accounts.limit_day(teller, bank.opened["ada"].id, 30).daily_limit_minor == 30
    assert [bank.send("ada", "bob", each) for each in (20, 11)] == ["recorded", "limit_exceeded"]
    lifted = bank.accounts.limit_day(teller, bank.opened["ada"].id, None)
    assert lifted.daily_limit_minor is None
    assert bank.send("ada", "bob", 11) == "recorded"


@pytest.mark.parametrize("act", ACTS)
def test_only_tellers_manage_accounts(bank, teller, act):
    account = bank.opened["ada"]
    for name, role in [("ada", Role.CUSTOMER), ("eye", Role.AUDITOR)]:
        with pytest.raises(Forbidden):
            ACTS[act](bank, bank.caller(name, role), account.id)
    for name, role in [("eve", Role.CUSTOMER), ("root", Role.ADMIN)]:
        with pytest.raises(NotFound):
            ACTS[act](bank, bank.caller(name, role), account.id)
    for name in ("nobody", "till-eur-0"):
        with pytest.raises(NotFound):
            ACTS[act](bank, teller, name)
    found = bank.accounts.account(teller, account.id)
    assert (found.status, found.floor_minor, found.daily_limit_minor) == ("open", 0, None)


@pytest.mark.parametrize("act", ACTS)
def test_a_closed_account_cannot_be_managed(bank, teller, act):
    bank.accounts.close(bank.caller("bob"), bank.opened["bob"].id)
    with pytest.raises(Refused) as caught:
        ACTS[act](bank, teller, bank.opened["bob"].id)
    assert caught.value.code == "account_closed"
