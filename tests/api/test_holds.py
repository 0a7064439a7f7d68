"""/v1/holds over HTTP: the answer of each action from each state."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts_bank.app import create_app
from tests.helpers import AUDITOR, PASSWORD, TELLER, code


class Clock:
    """The time, which can be put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def app(passwords, clock):
    staff = [{"username": name, "role": name, "password": PASSWORD} for name in (AUDITOR, TELLER)]
    made = create_app({"STAFF": staff}, passwords=passwords, clock=clock)
    yield made
    made.extensions["accounts"].close()


@pytest.fixture
def ada(http):
    return http.joined("ada")


@pytest.fixture
def bob(http):
    return http.joined("bob")


@pytest.fixture
def payer(ada):
    return ada.opened(100)


@pytest.fixture
def payee(bob):
    return bob.opened()


@pytest.fixture
def fields(payer, payee):
    return {
        "from_account": payer["id"],
        "to_account": payee["number"],
        "amount_minor": 30,
        "currency": "EUR",
    }


@pytest.fixture
def hold(ada, fields):
    answer = ada("POST", "/v1/holds", fields | {"expires_in_s": 3600})
    assert answer.status_code == 201, answer.text
    return f"/v1/holds/{answer.json['id']}"


def amounts(caller, account) -> tuple[int, int, int]:
    found = caller("GET", f"/v1/accounts/{account['id']}").json
    return found["balance_minor"], found["held_minor"], found["available_minor"]


def test_a_hold_sets_money_aside(ada, bob, payer, payee, fields):
    answer = ada("POST", "/v1/holds", fields | {"reference": "bicycle", "expires_in_s": 60})
    assert answer.status_code == 201
    made = answer.json
    assert made == {
        "id": made["id"],
        "kind": "hold",
        "status": "open",
        "from_account_id": payer["id"],
        "to_account_id": payee["id"],
        "to_account_number": payee["number"],
        "amount_minor": 30,
        "captured_minor": 0,
        "currency": "EUR",
        "reference": "bicycle",
        "metadata": {},
        "expires_at": made["expires_at"],
        "capture_id": None,
        "at": made["at"],
    }
    lasts = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["at"])
    assert lasts == timedelta(seconds=60)
    assert amounts(ada, payer) == (100, 30, 70)
    for caller in (ada, bob):
        assert caller("GET", answer.headers["Location"]).json == made
        assert caller("GET", "/v1/holds").json == {"data": [made], "next_cursor": None}


def test_it_lasts_a_week_where_nothing_else_is_said(ada, fields):
    made = ada("POST", "/v1/holds", fields).json
    lasts = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["at"])
    assert lasts == timedelta(days=7)


@pytest.mark.parametrize("expires_in_s", [0, -1, 365 * 86400 + 1, 1.5, "60", True, None])
def test_it_lasts_a_second_at_least_and_a_year_at_most(ada, fields, expires_in_s):
    answer = ada("POST", "/v1/holds", fields | {"expires_in_s": expires_in_s})
    assert code(answer) == (400, "invalid_request")
    assert answer.json["errors"][0]["pointer"] == "/expires_in_s"


def test_pages_of_holds_join_newest_first(ada, fields):
    made = [ada("POST", "/v1/holds", fields | {"amount_minor": 1}).json["id"] for _ in range(5)]
    found, cursor = [], ""
    while cursor is not None:
        answer = ada("GET", f"/v1/holds?limit=2{cursor and '&cursor=' + cursor}").json
        found += [each["id"] for each in answer["data"]]
        cursor = answer["next_cursor"]
    assert found == made[::-1]


def test_the_lines_of_a_capture_bear_the_reference_of_the_hold(ada, bob, payee, fields):
    hold = ada("POST", "/v1/holds", fields | {"reference": "bicycle"}).headers["Location"]
    bob("POST", f"{hold}/capture")
    (line,) = bob("GET", f"/v1/accounts/{payee['id']}/lines").json["data"]
    assert (line["kind"], line["reference"]) == ("capture", "bicycle")


def test_a_capture_moves_a_part_and_frees_the_rest(ada, bob, payer, payee, hold):
    answer = bob("POST", f"{hold}/capture", {"amount_minor": 20})
    assert answer.status_code == 200
    found = answer.json
    assert (found["status"], found["captured_minor"], found["amount_minor"]) == ("captured", 20, 30)
    assert amounts(ada, payer) == (80, 0, 80)
    assert amounts(bob, payee) == (20, 0, 20)
    (line,) = bob("GET", f"/v1/accounts/{payee['id']}/lines").json["data"]
    assert (line["entry_id"], line["kind"]) == (found["capture_id"], "capture")
    assert ada("GET", hold).json == found


@pytest.mark.parametrize("body", [None, {}, {"amount_minor": None}])
def test_the_body_may_say_nothing_or_be_none(ada, bob, payee, hold, body):
    answer = bob("POST", f"{hold}/capture", body)
    assert (answer.status_code, answer.json["captured_minor"]) == (200, 30)


def test_a_body_of_text_is_not_taken_for_none(bob, hold):
    answer = bob("POST", f"{hold}/capture", data="{}", content_type="text/plain")
    assert code(answer) == (415, "unsupported_media_type")
    assert code(bob("POST", f"{hold}/void", {"amount_minor": 1})) == (400, "invalid_request")


def put(state, bob, hold, clock) -> None:
    """Bring an open hold into a state."""
    if state == "expired":
        clock.ahead += timedelta(hours=1)
    elif state != "open":
        move = {"captured": "capture", "voided": "void"}[state]
        assert bob("POST", f"{hold}/{move}").status_code == 200


MOVES = {
    ("open", "capture"): (200, "captured"),
    ("open", "void"): (200, "voided"),
    ("captured", "capture"): (422, "hold_captured"),
    ("captured", "void"): (422, "hold_captured"),
    ("voided", "capture"): (422, "hold_voided"),
    ("voided", "void"): (422, "hold_voided"),
    ("expired", "capture"): (422, "hold_expired"),
    ("expired", "void"): (422, "hold_expired"),
}


@pytest.mark.parametrize("pair", MOVES)
def test_every_move_from_every_state_has_its_own_answer(ada, bob, hold, clock, pair):
    (state, move), (status, said) = pair, MOVES[pair]
    put(state, bob, hold, clock)
    before = ada("GET", hold).json
    assert before["status"] == state
    for query in ("?dry_run=true", ""):
        assert ada("GET", hold).json == before
        answer = bob("POST", f"{hold}/{move}{query}")
        if status == 200:
            assert (answer.status_code, answer.json["status"]) == (200, said)
        else:
            assert code(answer) == (status, said)
    assert ada("GET", hold).json["status"] == (said if status == 200 else state)


@pytest.mark.parametrize("state", ["captured", "voided", "expired"])
def test_a_retry_of_a_move_is_answered_as_before(bob, hold, clock, state):
    move = {"captured": "capture", "voided": "void", "expired": "void"}[state]
    put(state if state == "expired" else "open", bob, hold, clock)
    first = bob("POST", f"{hold}/{move}", key="k")
    again = bob("POST", f"{hold}/{move}", key="k")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert again.status_code == first.status_code
    assert again.json | {"request_id": ""} == first.json | {"request_id": ""}


def test_a_retry_of_a_hold_gets_the_first_answer_after_its_end(ada, bob, fields):
    first = ada("POST", "/v1/holds", fields, key="k")
    bob("POST", f"{first.headers['Location']}/capture")
    again = ada("POST", "/v1/holds", fields, key="k")
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotent-Replayed"] == "true"
    other = ada("POST", "/v1/holds", fields | {"amount_minor": 31}, key="k")
    assert code(other) == (422, "key_reused")


def test_one_key_of_two_moves_is_refused(bob, hold):
    assert code(bob("POST", f"{hold}/capture", {"amount_minor": 31}, key="k"))[1] != "key_reused"
    assert code(bob("POST", f"{hold}/capture", {"amount_minor": 30}, key="k")) == (
        422,
        "key_reused",
    )
    assert code(bob("POST", f"{hold}/void", key="k")) == (422, "key_reused")


def test_more_than_was_set_aside_is_refused(ada, bob, payer, hold):
    answer = bob("POST", f"{hold}/capture", {"amount_minor": 31})
    assert code(answer) == (422, "capture_too_large")
    assert answer.json["held_minor"] == 30
    assert amounts(ada, payer) == (100, 30, 70)


def test_it_ends_by_itself_and_the_money_is_free(app, ada, payer, hold, clock):
    clock.ahead += timedelta(hours=1)
    app.extensions["accounts"].due_work.run_due()
    assert ada("GET", hold).json["status"] == "expired"
    assert amounts(ada, payer) == (100, 0, 100)


def test_the_payer_may_see_it_and_not_end_it_and_strangers_not_even_that(ada, hold, http):
    eve, auditor = http.joined("eve"), http.signed_in(AUDITOR)
    for move in ("capture", "void"):
        assert code(ada("POST", f"{hold}/{move}")) == (403, "forbidden")
        assert code(auditor("POST", f"{hold}/{move}")) == (403, "forbidden")
        assert code(eve("POST", f"{hold}/{move}")) == (404, "not_found")
    assert auditor("GET", hold).json["status"] == "open"
    assert http.signed_in(TELLER)("POST", f"{hold}/void").json["status"] == "voided"


def test_a_frozen_or_closed_account_stops_a_capture(ada, bob, payer, hold, http):
    teller, payee = http.signed_in(TELLER), {"id": ada("GET", hold).json["to_account_id"]}
    teller("POST", f"/v1/accounts/{payer['id']}/freeze")
    assert code(bob("POST", f"{hold}/capture")) == (422, "account_frozen")
    teller("POST", f"/v1/accounts/{payer['id']}/unfreeze")
    assert code(ada("DELETE", f"/v1/accounts/{payer['id']}")) == (409, "holds_open")
    assert bob("DELETE", f"/v1/accounts/{payee['id']}").status_code == 204
    assert code(bob("POST", f"{hold}/capture")) == (422, "account_closed")


def test_a_payee_that_is_full_stops_a_capture(bob, payee, hold):
    full = {"account": payee["id"], "amount_minor": 2**53 - 1, "currency": "EUR"}
    assert bob("POST", "/v1/deposits", full).status_code == 201
    assert code(bob("POST", f"{hold}/capture")) == (422, "limit_exceeded")


def test_a_hold_is_refused_for_the_reasons_of_a_transfer(ada, bob, payer, fields, http):
    teller = http.signed_in(TELLER)
    closed = bob.opened()
    bob("DELETE", f"/v1/accounts/{closed['id']}")
    frozen = ada.opened(100)
    teller("POST", f"/v1/accounts/{frozen['id']}/freeze")
    limited = ada.opened(100)
    teller("PUT", f"/v1/accounts/{limited['id']}/daily-limit", {"daily_limit_minor": 29})
    for changes, expected in [
        ({"to_account": payer["number"]}, "same_account"),
        ({"to_account": "nobody"}, "account_unknown"),
        ({"to_account": closed["id"]}, "account_closed"),
        ({"from_account": frozen["id"]}, "account_frozen"),
        ({"currency": "USD"}, "currency_mismatch"),
        ({"amount_minor": 101}, "funds_insufficient"),
        ({"from_account": limited["id"]}, "limit_exceeded"),
    ]:
        assert code(ada("POST", "/v1/holds", fields | changes)) == (422, expected)
    for name in (fields["to_account"], "nobody"):
        answer = ada("POST", "/v1/holds", fields | {"from_account": name})
        assert code(answer) == (404, "not_found")
