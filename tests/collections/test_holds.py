"""Holds: create, read, capture and void."""

from collections import Counter
from datetime import timedelta
from functools import partial

import pytest

from accounts_bank.collections.client import keyed_id
from accounts_bank.errors import Forbidden, NotFound, Refused
from accounts_bank.identity import Role
from accounts_bank.ledger.actions import Capture


def held_minor(bank, name: str) -> int:
    return bank.accounts.account(bank.caller(name), bank.opened[name].id).held_minor


def test_a_hold_sets_money_aside_and_moves_none(bank):
    bank.given(ada=100, bob=0)
    hold = bank.hold("ada", "bob", 30)
    assert (hold.stage, hold.captured_minor, hold.capture_id) == ("open", 0, None)
    assert hold.expires_at == hold.recorded.entry.at + timedelta(seconds=60)
    assert (held_minor(bank, "ada"), bank.balances()) == (30, {"ada": 100, "bob": 0})


def test_a_capture_moves_the_hold_or_a_part_and_frees_the_rest(bank):
    bank.given(ada=100, bob=0)
    whole, part = bank.hold("ada", "bob", 30), bank.hold("ada", "bob", 20)
    bob, holds = bank.caller("bob"), bank.accounts.holds
    assert holds.capture(bob, whole.id, None).captured_minor == 30
    taken = holds.capture(bob, part.id, None, amount_minor=5)
    assert (taken.stage, taken.captured_minor) == ("captured", 5)
    read = holds.read(bob, part.id)
    assert (read.stage, read.captured_minor, read.capture_id) == ("captured", 5, taken.capture_id)
    assert bank.store.entry(taken.capture_id).lines[1].amount_minor == 5
    assert (held_minor(bank, "ada"), bank.balances()) == (0, {"ada": 65, "bob": 35})


def test_a_void_frees_all_of_it(bank):
    bank.given(ada=100, bob=0)
    hold = bank.hold("ada", "bob", 30)
    assert bank.accounts.holds.void(bank.caller("bob"), hold.id, None).stage == "voided"
    assert (held_minor(bank, "ada"), bank.balances()) == (0, {"ada": 100, "bob": 0})


def test_a_hold_is_expired_before_the_runner_frees_its_money(bank):
    bank.given(ada=100, bob=0)
    hold = bank.hold("ada", "bob", 30, expires_in_s=5)
    bank.clock.now += timedelta(seconds=5)
    assert bank.accounts.holds.read(bank.caller("ada"), hold.id).stage == "expired"
    assert held_minor(bank, "ada") == 30
    assert bank.due_work.run_due() == 1
    assert bank.accounts.holds.read(bank.caller("ada"), hold.id).stage == "expired"
    assert held_minor(bank, "ada") == 0


def test_only_both_sides_and_the_staff_read_a_hold(bank):
    bank.given(ada=100, bob=0)
    hold = bank.hold("ada", "bob", 30)
    for name, role in [("ada", Role.CUSTOMER), ("bob", Role.CUSTOMER)]:
        assert [
            each.id
            for each in bank.accounts.holds.of(bank.caller(name, role), before=None, limit=9)
        ] == [hold.id]
    for name, role in [("ada", Role.CUSTOMER), ("till", Role.TELLER), ("eye", Role.AUDITOR)]:
        assert bank.accounts.holds.read(bank.caller(name, role), hold.id) == hold
    for name, role in [("eve", Role.CUSTOMER), ("root", Role.ADMIN)]:
        with pytest.raises(NotFound):
            bank.accounts.holds.read(bank.caller(name, role), hold.id)


@pytest.mark.parametrize("move", ["capture", "void"])
def test_the_payee_and_tellers_end_it_and_the_payer_does_not(bank, move):
    bank.given(ada=100, bob=0)
    for name, role in [("bob", Role.CUSTOMER), ("till", Role.TELLER)]:
        hold = bank.hold("ada", "bob", 10)
        end = getattr(bank.accounts.holds, move)
        with pytest.raises(Forbidden):
            end(bank.caller("ada"), hold.id, None)
        with pytest.raises(NotFound):
            end(bank.caller("eve"), hold.id, None)
        assert end(bank.caller(name, role), hold.id, None).stage in {"captured", "voided"}


def test_a_payer_that_is_also_the_payee_ends_the_hold(bank):
    bank.given(ada=100)
    bank.opened["savings"] = bank.accounts.open(bank.caller("ada"), "Savings", "EUR")
    hold = bank.hold("ada", "savings", 10)
    assert bank.accounts.holds.capture(bank.caller("ada"), hold.id, None).captured_minor == 10


def test_a_retry_has_the_first_answer(bank):
    bank.given(ada=100, bob=0)
    bob, holds = bank.caller("bob"), bank.accounts.holds
    hold = bank.hold("ada", "bob", 30, key="k")
    captured = holds.capture(bob, hold.id, "k")
    again, captured_again = bank.hold("ada", "bob", 30, key="k"), holds.capture(bob, hold.id, "k")
    assert (again.replayed, again.stage, again.id) == (True, "open", hold.id)
    assert (captured_again.replayed, captured_again.capture_id) == (True, captured.capture_id)
    with pytest.raises(Refused) as caught:
        holds.capture(bob, hold.id, "other")
    assert caught.value.code == "hold_captured"


def test_a_dry_run_shows_the_end_and_leaves_it_open(bank):
    bank.given(ada=100, bob=0)
    bob, holds = bank.caller("bob"), bank.accounts.holds
    assert bank.hold("ada", "bob", 101 - 1, dry_run=True).stage == "open"
    assert held_minor(bank, "ada") == 0
    hold = bank.hold("ada", "bob", 30)
    assert holds.capture(bob, hold.id, None, dry_run=True).captured_minor == 30
    assert holds.void(bob, hold.id, None, dry_run=True).stage == "voided"
    assert holds.read(bob, hold.id).stage == "open"


def test_a_hold_needs_an_own_account_of_the_payer(bank):
    bank.given(ada=100, bob=0)
    bank.opened["eves"] = bank.opened["ada"]
    with pytest.raises(NotFound):
        bank.hold("eves", "bob", 10)
    with pytest.raises(Refused) as caught:
        bank.hold("ada", "bob", 101, key="k")
    assert caught.value.extra == {"shortfall_minor": 1}
    with pytest.raises(NotFound):
        bank.accounts.holds.read(bank.caller("ada"), keyed_id("user-ada", "k"))


def test_a_capture_of_a_missing_hold_is_not_found(bank):
    bank.given(ada=100, bob=0)
    ask = Capture("nothing", bank.opened["ada"].id, bank.opened["bob"].id)
    with pytest.raises(NotFound):
        bank.accounts._client.submit(bank.caller("bob"), ask)


def test_a_list_of_captured_holds_costs_no_more_readings_than_one(bank, monkeypatch):
    bank.given(ada=100, bob=0)
    made = [bank.hold("ada", "bob", 10) for _ in range(5)]
    bob, holds = bank.caller("bob"), bank.accounts.holds
    for each in made[:-1]:
        holds.capture(bob, each.id, None, amount_minor=9)
    counted = readings(bank.store, monkeypatch)
    found = holds.of(bob, before=None, limit=10)
    assert counted == {"entries_of": 1, "load": 2}
    assert [each.captured_minor for each in found] == [0, 9, 9, 9, 9]
    assert len({each.capture_id for each in found}) == 5
    assert holds.read(bob, made[0].id) == found[-1]


def readings(store, monkeypatch) -> Counter[str]:
    """Count the calls of a store."""
    counted: Counter[str] = Counter()

    def count(name, *given, **limits):
        counted[name] += 1
        return getattr(type(store), name)(store, *given, **limits)

    for name in ("load", "entries_of"):
        monkeypatch.setattr(store, name, partial(count, name))
    return counted
