"""/v1/transfers/{id}/reversals over HTTP."""

import pytest

from tests.helpers import AUDITOR, TELLER, code


@pytest.fixture
def ada(http):
    return http.joined("ada")


@pytest.fixture
def bob(http):
    return http.joined("bob")


@pytest.fixture
def sent(ada, bob):
    """Ada has paid Bob 30."""
    answer = ada.transfer(ada.opened(100), bob.opened(), 30, key="first")
    assert answer.status_code == 201
    return answer


@pytest.fixture
def path(sent):
    return f"{sent.headers['Location']}/reversals"


def test_the_payee_sends_it_back_in_parts(ada, bob, sent, path):
    answer = bob("POST", path, {"amount_minor": 10, "reference": "broken"})
    assert answer.status_code == 201
    made = answer.json
    assert made == {
        "id": made["id"],
        "kind": "reversal",
        "status": "recorded",
        "transfer_id": sent.json["id"],
        "from_account_id": sent.json["to_account_id"],
        "to_account_id": sent.json["from_account_id"],
        "amount_minor": 10,
        "currency": "EUR",
        "reference": "broken",
        "at": made["at"],
    }
    rest = bob("POST", path)
    assert (rest.status_code, rest.json["amount_minor"], rest.json["reference"]) == (201, 20, None)
    for caller in (ada, bob):
        assert caller("GET", answer.headers["Location"]).json == made
        assert caller("GET", path).json["data"] == [rest.json, made]
        assert caller("GET", sent.headers["Location"]).json["reversed_minor"] == 30
    assert code(bob("POST", path)) == (422, "reversal_too_large")


def test_pages_of_reversals_join_newest_first(bob, path):
    made = [bob("POST", path, {"amount_minor": 1}).json["id"] for _ in range(3)]
    first = bob("GET", f"{path}?limit=2").json
    second = bob("GET", f"{path}?limit=2&cursor={first['next_cursor']}").json
    assert [each["id"] for each in first["data"] + second["data"]] == made[::-1]
    assert second["next_cursor"] is None


def test_the_transfer_is_answered_to_a_retry_as_at_first(ada, bob, sent, path):
    bob("POST", path)
    payer = {"id": sent.json["from_account_id"]}
    again = ada.transfer(payer, {"number": sent.json["to_account_number"]}, 30, key="first")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.text == sent.text
    assert ada("GET", "/v1/transfers").json["data"][0]["reversed_minor"] == 30


def test_a_retry_sends_it_back_once(ada, bob, sent, path):
    first = bob("POST", path, {"amount_minor": 10}, key="k")
    again = bob("POST", path, {"amount_minor": 10}, key="k")
    assert (again.text, again.headers["Idempotent-Replayed"]) == (first.text, "true")
    assert code(bob("POST", path, {"amount_minor": 11}, key="k")) == (422, "key_reused")
    assert ada("GET", sent.headers["Location"]).json["reversed_minor"] == 10


def test_never_more_than_was_sent(bob, path):
    bob("POST", path, {"amount_minor": 20})
    answer = bob("POST", path, {"amount_minor": 11})
    assert code(answer) == (422, "reversal_too_large")
    assert answer.json["left_minor"] == 10


def test_the_payer_may_see_it_and_not_do_it_and_strangers_not_even_that(ada, path, http):
    eve, auditor = http.joined("eve"), http.signed_in(AUDITOR)
    assert code(ada("POST", path)) == code(auditor("POST", path)) == (403, "forbidden")
    for method in ("GET", "POST"):
        assert code(eve(method, path)) == (404, "not_found")
    assert auditor("GET", path).json["data"] == []
    made = http.signed_in(TELLER)("POST", path)
    assert made.status_code == 201
    assert code(eve("GET", made.headers["Location"])) == (404, "not_found")
    assert auditor("GET", made.headers["Location"]).json == made.json


def test_it_is_refused_where_the_payee_cannot_pay_or_the_payer_cannot_take(ada, bob, sent, path):
    payee = sent.json["to_account_id"]
    cash = {"account": payee, "amount_minor": 25, "currency": "EUR"}
    bob("POST", "/v1/withdrawals", cash)
    answer = bob("POST", path)
    assert code(answer) == (422, "funds_insufficient")
    assert answer.json["shortfall_minor"] == 25
    payer = {"account": sent.json["from_account_id"], "currency": "EUR"}
    ada("POST", "/v1/deposits", payer | {"amount_minor": 2**53 - 1 - 70})
    assert code(bob("POST", path, {"amount_minor": 1})) == (422, "limit_exceeded")
    ada("POST", "/v1/withdrawals", payer | {"amount_minor": 2**53 - 1})
    assert ada("DELETE", f"/v1/accounts/{payer['account']}").status_code == 204
    assert code(bob("POST", path, {"amount_minor": 1})) == (422, "account_closed")


def test_a_frozen_payee_sends_nothing_back(bob, sent, path, http):
    http.signed_in(TELLER)("POST", f"/v1/accounts/{sent.json['to_account_id']}/freeze")
    assert code(bob("POST", path)) == (422, "account_frozen")


def test_a_dry_run_sends_nothing_back(ada, bob, sent, path):
    answer = bob("POST", f"{path}?dry_run=true")
    assert (answer.status_code, answer.headers["Dry-Run"]) == (201, "true")
    assert "Location" not in answer.headers
    assert ada("GET", sent.headers["Location"]).json["reversed_minor"] == 0
