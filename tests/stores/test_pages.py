"""Pages of accounts, lines and transfers: they join without a gap and without a repeat."""

import itertools
from datetime import timedelta

import pytest

from accounts_bank.ledger.actions import Capture, Deposit, Hold, Void
from accounts_bank.ledger.entries import Needs
from accounts_bank.ledger.values import Period
from tests.helpers import START
from tests.stores.books import EVER, Books, at_once

SIZES = [1, 2, 3, 7, 100]


@pytest.fixture
def books(account_store):
    return Books(account_store)


@pytest.mark.parametrize("limit", SIZES)
def test_pages_of_accounts_join(books, limit):
    opened = [books.open("ada").id for _ in range(7)]
    books.open("bob")
    found, after = [], None
    while page := books.store.accounts_of("ada", after=after, limit=limit):
        assert len(page) <= limit
        found += [account.id for account in page]
        after = found[-1]
    assert found == opened == sorted(opened)


def test_accounts_of_a_stranger_are_none(books):
    books.open("ada")
    assert books.store.accounts_of("bob", after=None, limit=10) == []


@pytest.mark.parametrize("limit", SIZES)
def test_pages_of_lines_join(books, limit):
    books.given(ada=0)
    for amount_minor in range(1, 8):
        books.ask(Deposit(books.opened["ada"], amount_minor, "EUR"))
    found, before = [], None
    while page := books.store.lines(books.opened["ada"], before=before, period=EVER, limit=limit):
        assert len(page) <= limit
        found += [(line.number, line.amount_minor) for line in page]
        before = found[-1][0]
    assert found == [(number, number) for number in range(7, 0, -1)]


def test_lines_that_arrive_meanwhile_move_no_page(books):
    books.given(ada=0)
    for amount_minor in (1, 2, 3):
        books.ask(Deposit(books.opened["ada"], amount_minor, "EUR"))
    first = books.store.lines(books.opened["ada"], before=None, period=EVER, limit=2)
    books.ask(Deposit(books.opened["ada"], 4, "EUR"))
    rest = books.store.lines(books.opened["ada"], before=first[-1].number, period=EVER, limit=2)
    assert [line.amount_minor for line in first + rest] == [3, 2, 1]


def moment(second):
    return START + timedelta(hours=1, seconds=second)


@pytest.mark.parametrize(
    ("since", "until", "numbers"),
    [
        (None, None, [5, 4, 3, 2, 1]),
        (1, None, [5, 4, 3, 2]),
        (None, 3, [4, 3, 2, 1]),
        (1, 3, [4, 3, 2]),
        (2, 2, []),
        (3, 1, []),
        (4, None, []),
        (None, 0, []),
        (-5, 99, [5, 4, 3, 2, 1]),
    ],
)
def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(
    books, since, until, numbers
):
    books.given(ada=0)
    for second in (0, 1, 1, 2, 3):
        books.ask(Deposit(books.opened["ada"], 1, "EUR"), at=moment(second))
    period = Period(
        None if since is None else moment(since), None if until is None else moment(until)
    )
    found = books.store.lines(books.opened["ada"], before=None, period=period, limit=100)
    assert [line.number for line in found] == numbers
    below = books.store.lines(books.opened["ada"], before=4, period=period, limit=2)
    assert [line.number for line in below] == [each for each in numbers if each < 4][:2]


def test_a_period_matches_its_lines_even_where_the_clock_went_back(books):
    books.given(ada=0, bob=0)
    ada, bob = books.opened["ada"], books.opened["bob"]
    for turn, second in enumerate((9, 2, 5, 30, 0, 12, 31, 31, 8, 40, 3)):
        books.ask(Deposit((ada, bob)[turn % 3 == 1], 100, "EUR"), at=moment(second))
        books.send("ada", "bob", 1, at=moment(second - 20))
    for name, account_id in books.opened.items():
        lines = books.lines(name)
        assert [line.at for line in lines] == sorted(line.at for line in lines)
        for since, until in itertools.product((-30, 0, 9, 10, 31, 41), repeat=2):
            period = Period(moment(since), moment(until))
            within = [each for each in lines if period.since <= each.at < period.until]
            found = books.store.lines(account_id, before=None, period=period, limit=100)
            assert found == within[::-1]


def test_racing_writers_with_different_clocks_leave_times_in_order(books):
    books.given(ada=10_000, bob=10_000)

    def pay(number):
        payer, payee = ("ada", "bob")[:: 1 if number % 2 else -1]
        return [books.send(payer, payee, 1, at=moment(-number * n % 50)) for n in range(10)]

    assert {*itertools.chain(*at_once(8, pay))} == {"recorded"}
    for name in ("ada", "bob"):
        times = [line.at for line in books.lines(name)]
        assert len(times) == 81
        assert times == sorted(times)


def test_lines_of_no_account_are_none(books):
    assert books.store.lines("nobody", before=None, period=EVER, limit=10) == []


def test_lines_below_the_first_are_none(books):
    books.given(ada=5)
    for before in (1, 0, -7):
        assert books.store.lines(books.opened["ada"], before=before, period=EVER, limit=9) == []


@pytest.mark.parametrize("limit", SIZES)
def test_pages_of_transfers_join_even_where_times_are_equal(books, limit):
    books.given(ada=100, bob=0)
    made = []
    for number in range(7):
        ask = books.transfer("ada", "bob", 1)
        made.append(books.ask(ask, at=moment(number // 3)).recorded.entry.id)
    for owner_id in ("owner-ada", "owner-bob"):
        found, before = [], None
        while page := books.store.entries_of(owner_id, "transfer", before=before, limit=limit):
            assert len(page) <= limit
            found += [(recorded.at, recorded.entry.id) for recorded in page]
            before = found[-1]
        assert [each for _, each in found] == made[::-1]


def test_a_transfer_between_two_accounts_of_one_customer_stands_there_once(books):
    ada, savings = books.open("ada"), books.open("ada")
    books.opened |= {"ada": ada.id, "savings": savings.id}
    books.ask(Deposit(ada.id, 5, "EUR"))
    books.send("ada", "savings", 5)
    assert len(books.store.entries_of("ada", "transfer", before=None, limit=10)) == 1


def test_neither_refused_transfers_nor_deposits_are_transfers_of_a_customer(books):
    books.given(ada=5, bob=0)
    books.send("ada", "bob", 6)
    assert books.store.entries_of("owner-ada", "transfer", before=None, limit=10) == []


def test_time_on_an_account_never_goes_back(books):
    books.given(ada=10, bob=0)
    books.send("ada", "bob", 1, at=moment(9))
    late = books.ask(books.transfer("ada", "bob", 1), at=moment(3)).recorded
    assert late.at == moment(9)
    assert [line.at for line in books.lines("bob")] == [moment(9), moment(9)]


def test_captures_of_many_holds_are_read_in_one_query(books):
    books.given(ada=100, bob=0)
    ada, bob = books.opened["ada"], books.opened["bob"]
    for name in ("one", "two", "open", "void"):
        books.ask(Hold(ada, bob, 10, "EUR", 60), entry_id=name)
    for amount_minor, name in enumerate(("one", "two"), 5):
        books.ask(Capture(name, ada, bob, amount_minor), entry_id=f"of-{name}")
    books.ask(Void("void", ada))
    asked = frozenset(("one", "two", "open", "void", "none"))
    found = books.store.load(Needs(entries=frozenset(("one",)), captures=asked)).entries
    assert found.keys() == {"one", "of-one", "of-two"}
    assert [found[f"of-{name}"].lines[1].amount_minor for name in ("one", "two")] == [5, 6]
    assert books.store.load(Needs(captures=asked)).entries.keys() == {"of-one", "of-two"}
