"""The total balance over time, for a bounded number of moments."""

from datetime import timedelta

import pytest

from accounts_bank.collections.statements import MOMENTS_MAX


@pytest.fixture
def account(bank):
    """Ada's account after 30 deposits of 1."""
    bank.given(ada=0)
    for _ in range(30):
        bank.deposit("ada", 1)
    return bank.accounts.account(bank.caller("ada"), bank.opened["ada"].id)


def test_accounts_without_later_lines_are_not_read(bank, account, monkeypatch):
    monkeypatch.setattr(bank.store, "lines", None)
    moments = [account.moved_at + timedelta(days=n) for n in (1, 2)]
    assert bank.accounts.history([account], moments) == [30, 30]


def test_the_total_includes_moved_and_unmoved_accounts(bank, account):
    bank.given(bob=7)
    bob = bank.accounts.account(bank.caller("bob"), bank.opened["bob"].id)
    moments = [bob.created_at, bob.moved_at + timedelta(seconds=1)]
    assert bank.accounts.history([account, bob], moments) == [30, 37]
    assert bank.accounts.history([], moments) == [0, 0]


def test_the_number_of_moments_is_bounded(bank, account):
    with pytest.raises(ValueError, match="more than"):
        bank.accounts.history([account], [account.created_at] * (MOMENTS_MAX + 1))


def test_an_account_is_opened_once_for_a_key_and_keeps_the_order_of_time(bank):
    ada, keys = bank.caller("ada"), [f"01a2121c-{n:04x}-7000-8000-000000000000" for n in (9, 3, 5)]
    opened = [bank.accounts.open(ada, "Main", "EUR", key) for key in keys]
    again = [bank.accounts.open(ada, "Main", "EUR", key) for key in keys]
    assert [each.id for each in opened] == [each.id for each in again]
    listed = bank.accounts.of(ada, after=None, limit=10)
    assert [each.id for each in listed] == [opened[n].id for n in (1, 2, 0)]
