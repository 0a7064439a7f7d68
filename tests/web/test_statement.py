"""The page of an account: lines, filters, pagination and downloads."""

import re
import sys
from datetime import UTC, datetime, timedelta

import pytest

from accounts_bank.app import create_app
from accounts_bank.collections.statements import MOMENTS_MAX
from accounts_bank.sandbox.simulated_clock import SimulatedClock
from accounts_bank.web.charts import POINTS, moments_between
from tests.web.visitor import Visitor


@pytest.fixture
def busy(app, ada):
    """An account with 60 deposits of 1 to 60; the reference of each is its number."""
    account = ada.opened()
    bank = app.extensions["accounts"]
    (user,) = bank.users.find("ada")
    caller = bank.users.caller(user.id, user.sessions[-1].id)
    from accounts_bank.ledger.actions import Deposit, Withdrawal

    for turn in range(1, 61):
        kind = Withdrawal if turn % 10 == 0 else Deposit
        ask = kind(account.removeprefix("/accounts/"), turn * 100, "EUR", f"No. {turn};")
        move = bank.accounts.withdraw if kind is Withdrawal else bank.accounts.deposit
        move(caller, ask, None)
    return account


def numbers(page) -> list[int]:
    return [int(found) for found in re.findall(r"No\. (\d+);", page.text)]


def test_lines_are_listed_newest_first_in_adjacent_pages(ada, busy):
    page = ada.get(busy)
    found = numbers(page)
    for _ in range(2):
        page = ada.get(page.links["Older"])
        found += numbers(page)
    assert found == list(range(60, 0, -1))
    assert "Older" not in page.links
    assert numbers(ada.get(page.links["Newest"])) == list(range(60, 35, -1))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("way=out", [60, 50, 40, 30, 20, 10]),
        ("text=no.+4", [49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 4]),
        ("way=out&text=NO.+4", [40]),
        ("from=2000-01-01&to=2000-12-31", []),
        ("text=nothing+like+it", []),
    ],
)
def test_filters_select_the_matching_lines(ada, busy, filters, expected):
    page = ada.get(f"{busy}?{filters}")
    assert numbers(page) == expected
    assert ("No line matches" in page.text) == (not expected)


def test_the_search_of_a_filtered_page_is_bounded(ada, busy, monkeypatch):
    statement = sys.modules["accounts_bank.web.statement"]
    monkeypatch.setattr(statement, "LINES_READ", 5)
    monkeypatch.setattr(statement, "LINES_SEARCHED_MAX", 10)
    page = ada.get(f"{busy}?text=no.+4;")
    seen = 1
    while not numbers(page):
        page = ada.get(page.links["Search further back"])
        seen += 1
    assert (numbers(page), seen) == ([4], 6)


def test_a_period_includes_both_of_its_days(ada, busy):
    today = datetime.now(UTC).date()
    assert len(numbers(ada.get(f"{busy}?from={today}&to={today}"))) == 25
    assert numbers(ada.get(f"{busy}?to={today - timedelta(days=1)}")) == []


@pytest.mark.parametrize(
    ("dates", "field"),
    [("from=yesterday", "from"), ("to=2026-13-01", "to"), ("from=2026-02-01&to=2026-01-01", "to")],
)
def test_a_wrong_date_is_an_error_of_its_field(ada, busy, dates, field):
    assert list(ada.get(f"{busy}?{dates}").errors) == [field]


@pytest.mark.parametrize("last", ["9999-12-31", "0001-01-01"])
def test_the_ends_of_the_calendar_break_nothing(ada, busy, last):
    assert ada.get(f"{busy}?from={last}").status == 200
    assert ada.get(f"{busy}?to={last}").status == 200
    assert ada.send("GET", f"{busy}/statement.csv?to={last}").status_code == 200


def test_the_statement_of_a_period_can_be_downloaded(ada, busy):
    csv = ada.send("GET", f"{busy}/statement.csv")
    assert csv.text.count("No. ") == 60
    assert csv.headers["Content-Disposition"].startswith("attachment")
    assert "camt.053" in ada.send("GET", f"{busy}/statement.xml").text
    page = ada.get(f"{busy}?from=2000-01-01&to=2000-01-31")
    links = [path for words, path in page.links.items() if words.startswith("CSV")]
    assert ada.send("GET", links[0]).text.count("No. ") == 0


def test_the_page_of_an_empty_account_suggests_a_deposit(ada):
    page = ada.get(ada.opened())
    assert "Nothing has moved yet" in page.text
    assert "Pay something in" in page.links


def test_a_line_links_to_its_entry(ada, busy):
    page = ada.get(busy)
    assert "Paid out: €60.00" in ada.get(page.links["No. 60;"]).text


def test_a_chart_has_a_fixed_number_of_points():
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for span in (timedelta(seconds=1), timedelta(days=4000)):
        moments = moments_between(begin, begin + span)
        assert len(moments) == POINTS <= MOMENTS_MAX
        assert moments == sorted(moments)
        assert moments[0] == begin
        assert moments[-1] > begin + span


def test_a_chart_has_a_summary_in_words(ada, busy):
    assert "between €0.00 and" in ada.get(busy).text


def test_pages_read_the_time_from_the_clock_of_the_bank(passwords):
    clock = SimulatedClock(datetime(2040, 6, 1, 12, tzinfo=UTC))
    app = create_app({"LOG_FILE": "app.log"}, passwords=passwords, clock=clock)
    try:
        ada = Visitor(app).joined("ada")
        page = ada.get(ada.opened(balance="1"))
        assert re.search(r"(now|second\w*( ago)?) · 1 Jun 2040, 12:00 UTC", page.text)
        assert "until 1 June 2040" in page.text
    finally:
        app.extensions["accounts"].close()
