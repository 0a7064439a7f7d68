"""Tellers freeze accounts and set limits over HTTP."""

import pytest

from tests.helpers import TELLER, code


@pytest.fixture
def ada(http):
    return http.joined("ada")


@pytest.fixture
def teller(http):
    return http.signed_in(TELLER)


def test_a_frozen_account_takes_money_in_and_lets_none_out(ada, teller):
    account, other = ada.opened(100), ada.opened(100)
    path = f"/v1/accounts/{account['number']}"
    for _ in range(2):
        frozen = teller("POST", f"{path}/freeze")
        assert frozen.status_code == 200
        assert frozen.json == account | {"status": "frozen"}
    cash = {"account": account["id"], "amount_minor": 1, "currency": "EUR"}
    assert code(ada.transfer(account, other, 1)) == (422, "account_frozen")
    assert code(ada("POST", "/v1/withdrawals", cash)) == (422, "account_frozen")
    assert code(ada("DELETE", path)) == (422, "account_frozen")
    assert ada.transfer(other, account, 1).status_code == 201
    assert ada("POST", "/v1/deposits", cash).status_code == 201
    for _ in range(2):
        assert teller("POST", f"{path}/unfreeze").json["status"] == "open"
    assert ada.transfer(account, other, 1).status_code == 201


def test_a_credit_limit_lets_an_account_owe_so_much(ada, teller):
    account, other = ada.opened(100), ada.opened()
    path = f"/v1/accounts/{account['id']}/credit-limit"
    limited = teller("PUT", path, {"credit_limit_minor": 50})
    assert limited.status_code == 200
    assert limited.json == account | {"credit_limit_minor": 50, "available_minor": 150}
    assert code(ada.transfer(account, other, 151)) == (422, "funds_insufficient")
    assert ada.transfer(account, other, 150).json["from_balance_minor"] == -50
    answer = teller("PUT", path, {"credit_limit_minor": 49})
    assert code(answer) == (422, "funds_insufficient")
    assert answer.json["shortfall_minor"] == 1
    past = teller(
        "PUT", f"/v1/accounts/{other['id']}/credit-limit", {"credit_limit_minor": 2**53 - 1}
    )
    assert code(past) == (422, "limit_exceeded")


def test_a_daily_limit_shows_its_rest_and_can_be_lifted(ada, teller):
    account, other = ada.opened(100), ada.opened()
    path = f"/v1/accounts/{account['id']}/daily-limit"
    limited = teller("PUT", path, {"daily_limit_minor": 30})
    assert (limited.status_code, limited.json["daily_limit_minor"]) == (200, 30)
    assert ada.transfer(account, other, 20).status_code == 201
    answer = ada.transfer(account, other, 11)
    assert code(answer) == (422, "limit_exceeded")
    assert answer.json["left_minor"] == 10
    cash = {"account": account["id"], "amount_minor": 11, "currency": "EUR"}
    assert code(ada("POST", "/v1/withdrawals", cash)) == (422, "limit_exceeded")
    assert teller("PUT", path, {"daily_limit_minor": None}).json["daily_limit_minor"] is None
    assert ada.transfer(account, other, 11).status_code == 201


@pytest.mark.parametrize("field", ["credit_limit_minor", "daily_limit_minor"])
@pytest.mark.parametrize("value", [-1, 2**53, 1.5, "1", True])
def test_a_limit_is_a_whole_number_and_not_below_zero(ada, teller, field, value):
    path = f"/v1/accounts/{ada.opened()['id']}/{field.removesuffix('_minor').replace('_', '-')}"
    answer = teller("PUT", path, {field: value})
    assert code(answer) == (400, "invalid_request")
    assert answer.json["errors"][0]["pointer"] == f"/{field}"
    assert code(teller("PUT", path, {})) == (400, "invalid_request")
    assert teller("PUT", path, {field: 0}).status_code == 200


MOVES = [
    ("POST", "freeze", None),
    ("POST", "unfreeze", None),
    ("PUT", "credit-limit", {"credit_limit_minor": 1}),
    ("PUT", "daily-limit", {"daily_limit_minor": 1}),
]


@pytest.mark.parametrize(("method", "move", "body"), MOVES)
def test_a_closed_account_stays_as_it_is_and_none_is_not_found(ada, teller, method, move, body):
    account = ada.opened()
    ada("DELETE", f"/v1/accounts/{account['id']}")
    answer = teller(method, f"/v1/accounts/{account['id']}/{move}", body)
    assert code(answer) == (422, "account_closed")
    for name in ("nobody", "till-eur-0"):
        answer = teller(method, f"/v1/accounts/{name}/{move}", body)
        assert code(answer) == (404, "not_found")


def test_it_is_all_audited(ada, teller, http):
    account = ada.opened()
    for method, move, body in MOVES:
        assert teller(method, f"/v1/accounts/{account['id']}/{move}", body).status_code == 200
    lines = http.signed_in("auditor")("GET", "/v1/audit?limit=100").json["data"]
    assert [each["event"] for each in lines][-5:-1] == [
        "account_frozen",
        "account_unfrozen",
        "credit_limit_set",
        "daily_limit_set",
    ]
