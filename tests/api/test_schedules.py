"""/v1/schedules over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts_bank.app import create_app
from tests.api.test_holds import Clock
from tests.helpers import AUDITOR, PASSWORD, TELLER, code

DAY = timedelta(days=1)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def app(passwords, clock):
    """Make a bank that runs due work only when the test calls for it."""
    staff = [{"username": name, "role": name, "password": PASSWORD} for name in (AUDITOR, TELLER)]
    made = create_app({"STAFF": staff}, passwords=passwords, clock=clock)
    made.extensions["accounts"].runner.close()
    made.extensions["accounts"].due_work._closed.clear()
    yield made
    made.extensions["accounts"].close()


@pytest.fixture
def run_due(app):
    return app.extensions["accounts"].due_work.run_due


@pytest.fixture
def ada(http):
    return http.joined("ada")


@pytest.fixture
def bob(http):
    return http.joined("bob")


@pytest.fixture
def body(ada, bob):
    return {
        "from_account": ada.opened(100)["id"],
        "to_account": bob.opened()["number"],
        "amount_minor": 30,
        "currency": "EUR",
        "first_at": (datetime.now(UTC) + DAY).isoformat(),
        "every": "day",
    }


def test_a_schedule_is_begun_and_read_by_its_payer(ada, bob, body):
    answer = ada("POST", "/v1/schedules", body | {"count": 3, "reference": "rent"})
    assert answer.status_code == 201
    made = answer.json
    assert made == {
        "id": made["id"],
        "kind": "schedule",
        "status": "active",
        "from_account_id": body["from_account"],
        "to_account_id": made["to_account_id"],
        "to_account_number": body["to_account"],
        "amount_minor": 30,
        "currency": "EUR",
        "reference": "rent",
        "metadata": {},
        "first_at": made["first_at"],
        "every": "day",
        "count": 3,
        "run_count": 0,
        "next_at": made["first_at"],
        "at": made["at"],
    }
    assert datetime.fromisoformat(made["first_at"]) == datetime.fromisoformat(body["first_at"])
    assert ada("GET", answer.headers["Location"]).json == made
    assert ada("GET", "/v1/schedules").json["data"] == [made]
    assert bob("GET", "/v1/schedules").json["data"] == []
    assert code(bob("GET", answer.headers["Location"])) == (404, "not_found")


def test_its_runs_are_shown_refused_ones_included(ada, bob, body, clock, run_due):
    schedule = ada("POST", "/v1/schedules", body | {"count": 5}).headers["Location"]
    clock.ahead += 4 * DAY
    assert run_due() == 4
    found = ada("GET", schedule).json
    assert (found["status"], found["run_count"]) == ("active", 4)
    first = ada("GET", f"{schedule}/runs?limit=3").json
    second = ada("GET", f"{schedule}/runs?limit=3&cursor={first['next_cursor']}").json
    runs = first["data"] + second["data"]
    assert [each["status"] for each in runs].count("recorded") == 3
    (refused,) = [each for each in runs if each["status"] == "refused"]
    assert refused == {
        "id": refused["id"],
        "status": "refused",
        "amount_minor": 30,
        "currency": "EUR",
        "metadata": {},
        "at": refused["at"],
        "code": "funds_insufficient",
        "shortfall_minor": 20,
    }
    made = {each["id"] for each in bob("GET", "/v1/transfers").json["data"]}
    assert made == {each["id"] for each in runs if each["status"] == "recorded"}
    clock.ahead += 9 * DAY
    assert run_due() == 1
    found = ada("GET", schedule).json
    assert (found["status"], found["run_count"], found["next_at"]) == ("ended", 5, None)
    assert code(ada("DELETE", schedule)) == (422, "schedule_ended")


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (("POST", "freeze", None), "account_frozen"),
        (("PUT", "daily-limit", {"daily_limit_minor": 29}), "limit_exceeded"),
        (None, "account_closed"),
    ],
)
def test_a_run_is_refused_for_a_change_since_its_schedule_began(http, ada, body, happens, said):
    bank = ada.app.extensions["accounts"]
    schedule = ada("POST", "/v1/schedules", body).headers["Location"]
    account = f"/v1/accounts/{body['from_account']}"
    if happens:
        method, move, fields = happens
        http.signed_in(TELLER)(method, f"{account}/{move}", fields)
    else:
        cash = {"account": body["from_account"], "amount_minor": 100, "currency": "EUR"}
        ada("POST", "/v1/withdrawals", cash)
        assert ada("DELETE", account).status_code == 204
    bank.due_work._clock.ahead += DAY + timedelta(minutes=1)
    assert bank.due_work.run_due() == 1
    (run,) = ada("GET", f"{schedule}/runs").json["data"]
    assert (run["status"], run["code"], run.get("left_minor")) == (
        "refused",
        said,
        29 if said == "limit_exceeded" else None,
    )
    is_over = said == "account_closed"
    assert ada("GET", schedule).json["status"] == ("ended" if is_over else "active")


def test_it_is_cancelled_and_to_cancel_it_again_changes_nothing(ada, body, clock, run_due):
    schedule = ada("POST", "/v1/schedules", body).headers["Location"]
    for _ in range(2):
        assert ada("DELETE", schedule).status_code == 204
    clock.ahead += 2 * DAY
    assert run_due() == 0
    found = ada("GET", schedule).json
    assert (found["status"], found["run_count"], found["next_at"]) == ("cancelled", 0, None)
    assert ada("GET", f"{schedule}/runs").json["data"] == []


def test_staff_may_see_it_and_not_cancel_it(ada, body, http):
    schedule = ada("POST", "/v1/schedules", body).headers["Location"]
    eve = http.joined("eve")
    for role in (TELLER, AUDITOR):
        caller = http.signed_in(role)
        assert caller("GET", schedule).json["status"] == "active"
        assert caller("GET", f"{schedule}/runs").json["data"] == []
        assert code(caller("DELETE", schedule)) == (403, "forbidden")
    for method, path in [("GET", schedule), ("DELETE", schedule), ("GET", f"{schedule}/runs")]:
        assert code(eve(method, path)) == (404, "not_found")


def test_a_retry_is_answered_as_at_first_even_when_its_time_has_come(ada, body, clock, run_due):
    first = ada("POST", "/v1/schedules", body, key="k")
    clock.ahead += 3 * DAY
    run_due()
    again = ada("POST", "/v1/schedules", body, key="k")
    assert (again.status_code, again.text) == (201, first.text)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert code(ada("POST", "/v1/schedules", body | {"every": "week"}, key="k")) == (
        422,
        "key_reused",
    )
    assert code(ada("POST", "/v1/schedules", body, key="other")) == (400, "invalid_request")


def test_a_past_first_run_with_a_key_stays_refused_when_the_clock_goes_back(ada, body, clock):
    clock.ahead += 3 * DAY
    first = ada("POST", "/v1/schedules", body, key="k")
    clock.ahead -= 3 * DAY
    again = ada("POST", "/v1/schedules", body, key="k")
    assert code(first) == code(again) == (400, "invalid_request")
    assert first.json["errors"] == again.json["errors"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert ada("POST", "/v1/schedules", body, key="other").status_code == 201


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"first_at": "2020-01-01"}, "/first_at"),
        ({"first_at": "tomorrow"}, "/first_at"),
        ({"first_at": 1}, "/first_at"),
        ({"every": "year"}, "/every"),
        ({"count": 0}, "/count"),
        ({"count": 10_001}, "/count"),
        ({"amount_minor": 0}, "/amount_minor"),
    ],
)
def test_a_malformed_schedule_is_refused(ada, body, changes, pointer):
    answer = ada("POST", "/v1/schedules", body | changes)
    assert code(answer) == (400, "invalid_request")
    assert answer.json["errors"][0]["pointer"] == pointer


def test_it_is_refused_where_no_money_could_ever_go(ada, bob, body, http):
    closed = bob.opened()
    bob("DELETE", f"/v1/accounts/{closed['id']}")
    frozen = ada.opened()
    http.signed_in(TELLER)("POST", f"/v1/accounts/{frozen['id']}/freeze")
    for changes, expected in [
        ({"to_account": body["from_account"]}, "same_account"),
        ({"to_account": "nobody"}, "account_unknown"),
        ({"to_account": closed["id"]}, "account_closed"),
        ({"from_account": frozen["id"]}, "account_frozen"),
        ({"currency": "USD"}, "currency_mismatch"),
    ]:
        assert code(ada("POST", "/v1/schedules", body | changes)) == (422, expected)
    for name in (body["to_account"], "nobody"):
        answer = ada("POST", "/v1/schedules", body | {"from_account": name})
        assert code(answer) == (404, "not_found")


def test_the_31st_falls_on_the_last_day_of_a_short_month(ada, body, clock, run_due):
    changes = {"first_at": "2999-01-31", "every": "month", "amount_minor": 1}
    schedule = ada("POST", "/v1/schedules", body | changes).headers["Location"]
    clock.ahead = datetime(2999, 1, 31, 1, tzinfo=UTC) - datetime.now(UTC)
    assert run_due() == 1
    # The session has ended long since; the books have not.
    found = ada.app.extensions["accounts"].accounts._client.store.due(
        datetime(2999, 3, 1, tzinfo=UTC), limit=9
    )
    assert [each.due_at for each in found] == [datetime(2999, 2, 28, tzinfo=UTC)]
    assert found[0].entry_id in schedule


def test_a_dry_run_begins_nothing(ada, body):
    answer = ada("POST", "/v1/schedules?dry_run=true", body)
    assert (answer.status_code, answer.headers["Dry-Run"]) == (201, "true")
    assert "Location" not in answer.headers
    assert ada("GET", "/v1/schedules").json["data"] == []
