"""The clock of a bank: it steps through each due instant and tells the entries that ran."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from accounts_bank.errors import InvalidRequest
from accounts_bank.sandbox.durations import after
from tests.helpers import code
from tests.sandbox.conftest import NOW

DAY_S = 86_400


def test_a_frozen_clock_stands_and_dates_all_entries(bank):
    assert bank.clock() == {"now": NOW, "mode": "frozen", "next_due": None}
    assert bank.send("ada", "ben", 1).json["at"] == NOW
    assert bank.clock()["now"] == NOW


def test_an_advance_runs_each_due_entry_at_its_instant(bank):
    hold = bank.hold("ada", "ben", 100, 3_600)
    rent = bank.schedule("ada", "ben", 40, first_at="2026-02-01T06:00:00Z", every="month")
    assert bank.clock()["next_due"] == "2026-01-31T01:00:00Z"
    told = bank.advance(by="P2M")
    assert [(each["at"], each["kind"], each["id"], each["status"]) for each in told["fired"]] == [
        ("2026-01-31T01:00:00Z", "hold", hold["id"], "recorded"),
        ("2026-02-01T06:00:00Z", "schedule", rent["id"], "recorded"),
        ("2026-03-01T06:00:00Z", "schedule", rent["id"], "recorded"),
    ]
    assert told["now"] == "2026-03-31T00:00:00Z"
    assert (told["next_due"], told["complete"]) == ("2026-04-01T06:00:00Z", True)
    run = bank.people["ada"]("GET", f"/v1/transfers/{told['fired'][2]['entry_id']}").json
    assert run["at"] == "2026-03-01T06:00:00Z"
    assert bank.balance_minor("ben") == 580


def test_a_hold_expires_before_a_schedule_of_the_same_instant(bank):
    bank.schedule("ben", "ada", 500, first_at="2026-01-31T01:00:00Z", every="once")
    bank.hold("ben", "ada", 100, 3_600)
    fired = bank.advance(to="next_due")["fired"]
    assert [(each["kind"], each["status"]) for each in fired] == [
        ("hold", "recorded"),
        ("schedule", "recorded"),
    ]


def test_entries_of_one_instant_run_in_the_order_of_their_ids(bank):
    holds = [bank.hold("ada", "ben", 1, 60)["id"] for _ in range(5)]
    assert [each["id"] for each in bank.advance(by="PT1M")["fired"]] == sorted(holds)


def test_a_refused_run_tells_its_code(bank):
    bank.schedule("ben", "ada", 501, first_at="2026-01-31T01:00:00Z", every="once")
    (fired,) = bank.advance(by="P1D")["fired"]
    assert (fired["status"], fired["code"]) == ("refused", "funds_insufficient")


def test_a_monthly_schedule_falls_on_the_last_day_of_short_months(make):
    bank = make(now="2027-12-31T00:00:00Z")
    bank.schedule("ada", "ben", 1, first_at="2027-12-31T12:00:00Z", every="month")
    days = [each["at"][:10] for each in bank.advance(by="P4M")["fired"]]
    assert days == ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31"]


def test_the_next_due_instant_is_reached_and_no_more(bank):
    bank.hold("ada", "ben", 1, 60)
    bank.hold("ada", "ben", 1, 120)
    told = bank.advance(to="next_due")
    assert (told["now"], len(told["fired"])) == ("2026-01-31T00:01:00Z", 1)
    bank.advance(to="next_due")
    told = bank.advance(to="next_due")
    assert (told["now"], told["fired"]) == ("2026-01-31T00:02:00Z", [])


def test_the_clock_never_moves_back(bank):
    past = "2026-01-30T00:00:00Z"
    refused = [
        bank.admin("POST", "/v1/sandbox/clock/advance", {"to": past}),
        bank.admin("PUT", "/v1/sandbox/clock", {"mode": "frozen", "now": past}),
        bank.admin("PUT", "/v1/sandbox/clock", {"mode": "running", "now": past}),
    ]
    assert [code(each) for each in refused] == [(422, "clock_backward")] * 3
    ahead = bank.admin("PUT", "/v1/sandbox/clock", {"mode": "frozen", "now": "2999-01-01"})
    assert ahead.json["now"] == "2999-01-01T00:00:00Z"
    back = bank.admin("PUT", "/v1/sandbox/clock", {"mode": "real"})
    assert code(back) == (422, "clock_backward")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"to": NOW, "by": "P1D"},
        {"by": "1 month"},
        {"by": "P"},
        {"by": "P1DT"},
        {"by": "P9999Y"},
        {"to": "9999-12-31"},
        {"to": "soon"},
    ],
)
def test_a_faulty_advance_is_refused(bank, body):
    answer = bank.admin("POST", "/v1/sandbox/clock/advance", body)
    assert code(answer) == (400, "invalid_request")
    assert bank.clock()["now"] == NOW


def test_a_real_clock_that_is_advanced_runs_on_ahead(http):
    def clock():
        return http("GET", "/v1/sandbox/clock").json

    assert clock()["mode"] == "real"
    http("POST", "/v1/sandbox/clock/advance", {"by": "P1Y"})
    first = clock()
    assert first["mode"] == "running"
    assert clock()["now"] > first["now"]
    assert datetime.fromisoformat(first["now"]).year > datetime.now(UTC).year


def test_two_advances_at_once_run_one_after_the_other(bank):
    bank.schedule("ada", "ben", 1, first_at="2026-01-31T12:00:00Z", every="day")
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(lambda _: bank.advance(by="P10D"), range(2)))
    assert sorted(len(each["fired"]) for each in told) == [10, 10]
    assert bank.clock()["now"] == "2026-02-20T00:00:00Z"
    assert bank.balance_minor("ben") == 520


def test_payments_go_on_while_the_clock_is_advanced(bank, app):
    bank.schedule("ada", "ben", 1, first_at="2026-02-01", every="day")
    with ThreadPoolExecutor(17) as pool:
        advanced = pool.submit(bank.advance, by="P100D")
        sent = list(pool.map(lambda _: bank.send("ada", "ben", 2).status_code, range(64)))
        told = advanced.result()
    assert (set(sent), len(told["fired"])) == ({201}, 100)
    assert bank.balance_minor("ben") == 500 + 100 + 2 * 64
    assert app.extensions["accounts.banks"]._entries[bank.id].bank.verifier.verify().ok


def test_an_advance_stops_after_as_many_entries_as_it_may_run(bank, monkeypatch):
    monkeypatch.setattr("accounts_bank.sandbox.control.FIRED_MAX", 3)
    bank.schedule("ada", "ben", 1, first_at="2026-02-01", every="day")
    told = bank.advance(by="P5D")
    assert (told["complete"], len(told["fired"])) == (False, 3)
    assert (told["now"], told["next_due"]) == ("2026-02-03T00:00:00Z", "2026-02-04T00:00:00Z")
    assert len(bank.advance(to="2026-02-05T00:00:00Z")["fired"]) == 2


def test_tokens_outlive_an_advance(bank):
    bank.advance(by="P5Y")
    assert bank.people["ada"]("GET", "/v1/accounts").status_code == 200


@pytest.mark.parametrize(
    ("duration", "end"),
    [
        ("P1M", "2028-02-29T10:00:00"),
        ("P1Y1M", "2029-02-28T10:00:00"),
        ("P2W", "2028-02-14T10:00:00"),
        ("P1DT1H30M", "2028-02-01T11:30:00"),
        ("PT0.5S", "2028-01-31T10:00:00.500000"),
    ],
)
def test_a_duration_is_added_by_the_calendar(duration, end):
    start = datetime(2028, 1, 31, 10, tzinfo=UTC)
    assert after(start, duration) == datetime.fromisoformat(end).replace(tzinfo=UTC)


def test_a_duration_past_the_last_year_is_refused():
    with pytest.raises(InvalidRequest):
        after(datetime(2028, 1, 31, tzinfo=UTC), "P9000Y")
