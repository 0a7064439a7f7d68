"""Reversals: permissions and amounts."""

import pytest

from accounts_bank.collections.client import keyed_id
from accounts_bank.errors import Forbidden, NotFound, Refused
from accounts_bank.identity import Role


def sent(bank, amount_minor: int = 30) -> str:
    bank.given(ada=100, bob=0)
    bank.send("ada", "bob", amount_minor)
    (seen,) = bank.accounts.transfers_of(bank.caller("ada"), before=None, limit=9)
    return seen.recorded.entry.id


def reversed_minor(bank, transfer_id: str) -> int:
    return bank.accounts.entry(bank.caller("ada"), "transfer", transfer_id).reversed_minor


def test_the_payee_reverses_a_transfer_in_parts(bank):
    transfer, bob = sent(bank), bank.caller("bob")
    part = bank.accounts.reversals.create(bob, transfer, None, amount_minor=10, reference="broken")
    assert reversed_minor(bank, transfer) == 10
    rest = bank.accounts.reversals.create(bob, transfer, None)
    assert [each.recorded.lines[1].amount_minor for each in (part, rest)] == [10, 20]
    assert reversed_minor(bank, transfer) == 30
    assert bank.balances() == {"ada": 100, "bob": 0}
    for name in ("ada", "bob"):
        caller = bank.caller(name)
        found = bank.accounts.reversals.of(caller, transfer, before=None, limit=9)
        assert [each.recorded.entry.id for each in found] == [
            rest.recorded.entry.id,
            part.recorded.entry.id,
        ]


def test_reversals_never_exceed_the_transfer(bank):
    transfer, bob = sent(bank), bank.caller("bob")
    bank.accounts.reversals.create(bob, transfer, None, amount_minor=20)
    for amount_minor in (11, 30):
        with pytest.raises(Refused) as caught:
            bank.accounts.reversals.create(bob, transfer, None, amount_minor=amount_minor)
        assert (caught.value.code, caught.value.extra) == ("reversal_too_large", {"left_minor": 10})


def test_one_key_reverses_once(bank):
    transfer, bob = sent(bank), bank.caller("bob")
    first, again = (
        bank.accounts.reversals.create(bob, transfer, "k", amount_minor=10) for _ in range(2)
    )
    assert (first.replayed, again.replayed) == (False, True)
    assert first.recorded == again.recorded
    assert reversed_minor(bank, transfer) == 10


def test_a_dry_run_sends_nothing_back(bank):
    transfer = sent(bank)
    seen = bank.accounts.reversals.create(bank.caller("bob"), transfer, None, dry_run=True)
    assert seen.recorded.lines[1].amount_minor == 30
    assert reversed_minor(bank, transfer) == 0


def test_the_payee_and_tellers_reverse_and_the_payer_does_not(bank):
    transfer = sent(bank)
    with pytest.raises(Forbidden):
        bank.accounts.reversals.create(bank.caller("ada"), transfer, None)
    for name, role in [("eve", Role.CUSTOMER), ("root", Role.ADMIN)]:
        for act in (
            lambda caller: bank.accounts.reversals.create(caller, transfer, None),
            lambda caller: bank.accounts.reversals.of(caller, transfer, before=None, limit=9),
        ):
            with pytest.raises(NotFound):
                act(bank.caller(name, role))
    teller = bank.caller("till", Role.TELLER)
    made = bank.accounts.reversals.create(teller, transfer, None).recorded.entry.id
    assert bank.accounts.entry(bank.caller("ada"), "reversal", made).own_lines == (False, True)
    assert bank.balances() == {"ada": 100, "bob": 0}


def test_a_deposit_cannot_be_reversed(bank):
    bank.given(ada=0)
    bank.deposit("ada", 5, key="k")
    with pytest.raises(NotFound):
        bank.accounts.reversals.create(bank.caller("ada"), keyed_id("user-ada", "k"), None)
