"""Statements: adjacent periods, pages of lines, and later entries."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from accounts_bank.collections import statements
from accounts_bank.errors import NotFound
from accounts_bank.identity import Role
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.values import Period
from accounts_bank.stores.memory import InMemoryAccountStore
from tests.helpers import START, Teller

ALWAYS = Period()


def statement_of(bank: Teller, name: str, period: Period = ALWAYS):
    drawn = bank.accounts.statement(bank.caller(name), bank.opened[name].id, period)
    return drawn, [line for page in bank.accounts.statement_pages(drawn) for line in page]


def seconds(count: int) -> datetime:
    return START + timedelta(seconds=count)


@given(
    amounts_minor=st.lists(st.integers(-50, 50).filter(bool), max_size=15),
    cuts=st.lists(st.integers(-5, 60).map(seconds), max_size=6).map(sorted),
    page_lines=st.integers(1, 4),
)
@example(amounts_minor=[1, 2, 3], cuts=[seconds(4), seconds(4)], page_lines=2)
def test_periods_join_without_gap_or_overlap(amounts_minor, cuts, page_lines):
    bank = Teller()
    bank.given(ada=1_000, bob=1_000)
    for amount_minor in amounts_minor:
        payer, payee = ("ada", "bob") if amount_minor < 0 else ("bob", "ada")
        assert bank.send(payer, payee, abs(amount_minor)) == "recorded"
    whole, all_lines = statement_of(bank, "ada")
    ends = [None, *cuts, None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statements, "PAGE_LINES", page_lines)
        parts = [
            statement_of(bank, "ada", Period(since=since, until=until))
            for since, until in pairwise(ends)
        ]
    assert [line for _, lines in parts for line in lines] == all_lines
    assert [line.number for line in all_lines] == list(range(1, len(all_lines) + 1))
    assert (parts[0][0].opening_minor, parts[-1][0].closing_minor) == (0, whole.closing_minor)
    assert whole.closing_minor == bank.balances()["ada"]
    for (before, _), (after, _) in pairwise(parts):
        assert before.closing_minor == after.opening_minor
        assert before.until == after.since
    for drawn, lines in parts:
        moved_minor = sum(line.amount_minor for line in lines)
        assert drawn.opening_minor + moved_minor == drawn.closing_minor
        assert drawn.line_count == len(lines)
        assert all(drawn.since <= line.at < drawn.until for line in lines)


def test_a_period_includes_its_start_and_excludes_its_end(bank):
    bank.given(ada=5)
    _, (line,) = statement_of(bank, "ada")
    assert statement_of(bank, "ada", Period(since=line.at))[1] == [line]
    assert statement_of(bank, "ada", Period(until=line.at))[1] == []


def test_without_a_period_the_statement_has_all_lines(bank):
    bank.given(ada=5)
    drawn, lines = statement_of(bank, "ada")
    assert drawn.since == bank.opened["ada"].created_at
    assert drawn.until == drawn.made_at == bank.clock.now
    assert len(lines) == 1


def test_a_statement_includes_a_last_line_of_the_same_moment(bank):
    bank.given(ada=5)
    _, (line,) = statement_of(bank, "ada")
    bank.clock.now = line.at - timedelta(seconds=1)
    drawn, lines = statement_of(bank, "ada")
    assert (drawn.made_at, lines) == (line.at, [line])
    assert drawn.until == line.at + datetime.resolution
    assert statement_of(bank, "ada", Period(since=drawn.until))[1] == []


def test_a_future_period_is_empty_and_not_reversed(bank):
    bank.given(ada=5)
    drawn, lines = statement_of(bank, "ada", Period(since=seconds(10**6)))
    assert (drawn.since, drawn.until, lines) == (seconds(10**6), seconds(10**6), [])
    assert drawn.opening_minor == drawn.closing_minor == 5


def test_a_period_before_the_account_is_empty(bank):
    bank.given(ada=5)
    drawn, lines = statement_of(bank, "ada", Period(until=START))
    assert (drawn.since, drawn.until, drawn.closing_minor, lines) == (START, START, 0, [])


def test_later_entries_do_not_change_a_statement(bank, monkeypatch):
    monkeypatch.setattr(statements, "PAGE_LINES", 1)
    bank.given(ada=5)
    bank.deposit("ada", 6)
    drawn = bank.accounts.statement(bank.caller("ada"), bank.opened["ada"].id, ALWAYS)
    read = []
    for page in bank.accounts.statement_pages(drawn):
        read += page
        bank.deposit("ada", 7)
    assert [line.amount_minor for line in read] == [5, 6]
    assert drawn.closing_minor == 11


class _Watched(InMemoryAccountStore):
    """Records the largest number of lines in one call."""

    def __init__(self) -> None:
        super().__init__(decide)
        self.limits: list[int] = []

    def lines(self, *args, limit: int, **more):
        self.limits.append(limit)
        return super().lines(*args, limit=limit, **more)


def test_a_statement_holds_one_page_in_memory():
    store = _Watched()
    bank = Teller(store)
    bank.given(ada=1)
    for _ in range(1_100):
        bank.deposit("ada", 1)
    drawn = bank.accounts.statement(bank.caller("ada"), bank.opened["ada"].id, ALWAYS)
    sizes = [len(page) for page in bank.accounts.statement_pages(drawn)]
    assert sizes == [500, 500, 101]
    assert max(store.limits) == statements.PAGE_LINES == 500


@pytest.mark.parametrize(
    ("role", "sees"),
    [(Role.CUSTOMER, False), (Role.ADMIN, False), (Role.TELLER, True), (Role.AUDITOR, True)],
)
def test_other_readers_of_a_statement(bank, role, sees):
    bank.given(ada=5)
    other = bank.caller("other", role)
    if sees:
        assert bank.accounts.statement(other, bank.opened["ada"].number, ALWAYS).closing_minor == 5
    else:
        with pytest.raises(NotFound):
            bank.accounts.statement(other, bank.opened["ada"].number, ALWAYS)
