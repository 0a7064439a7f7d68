"""The balance over time, read for a few moments and never from all lines."""

from datetime import timedelta

import pytest

from accounts.collections import history
from accounts.ledger.values import Period


@pytest.fixture
def account(bank):
    """Ada's account with 1, 2, 3 ... 30 on it, one more at each step."""
    bank.given(ada=0)
    for _ in range(30):
        bank.deposit("ada", 1)
    return bank.accounts.account(bank.caller("ada"), bank.opened["ada"].id)


def lines_of(bank, account):
    return bank.store.lines(account.id, before=None, period=Period(), limit=1000)[::-1]


@pytest.mark.parametrize("lines_read", [200, 30, 7, 1])
def test_it_says_what_the_lines_say_however_few_are_read_at_once(
    bank, account, lines_read, monkeypatch
):
    monkeypatch.setattr(history, "LINES_READ", lines_read)
    lines = lines_of(bank, account)
    step = timedelta(seconds=0.5)
    start = account.created_at - step
    moments = [start + step * n for n in range(100)]
    expected = [sum(line.amount_minor for line in lines if line.at < each) for each in moments]
    assert bank.accounts.history(account, moments) == expected
    late = moments[40:]
    assert bank.accounts.history(account, late) == expected[40:]


def test_what_has_not_moved_since_is_not_read(bank, account, monkeypatch):
    monkeypatch.setattr(bank.store, "lines", None)
    moments = [account.moved_at + timedelta(days=n) for n in (1, 2)]
    assert bank.accounts.history(account, moments) == [30, 30]


def test_before_the_account_there_was_nothing(bank, account):
    long_ago = account.created_at - timedelta(days=3)
    assert bank.accounts.history(account, [long_ago, long_ago + timedelta(days=1)]) == [0, 0]


def test_there_are_only_so_many_moments(bank, account):
    with pytest.raises(ValueError, match="more than"):
        bank.accounts.history(account, [account.created_at] * (history.MOMENTS_MAX + 1))


def test_an_account_is_opened_once_for_a_key_and_keeps_the_order_of_time(bank):
    ada, keys = bank.caller("ada"), [f"01a2121c-{n:04x}-7000-8000-000000000000" for n in (9, 3, 5)]
    opened = [bank.accounts.open(ada, "Main", "EUR", key) for key in keys]
    again = [bank.accounts.open(ada, "Main", "EUR", key) for key in keys]
    assert [each.id for each in opened] == [each.id for each in again]
    listed = bank.accounts.of(ada, after=None, limit=10)
    assert [each.id for each in listed] == [opened[n].id for n in (1, 2, 0)]
