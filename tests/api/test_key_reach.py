"""A key with named accounts reaches them alone: the owner's other accounts are as a stranger's."""

import pytest

from accounts_bank.collections import client
from tests.api.test_api_keys import program
from tests.helpers import Http, code

EUR = {"amount_minor": 1, "currency": "EUR"}
PAYMENTS: list[tuple[str, dict[str, str]]] = [
    ("transfers", {}),
    ("holds", {}),
    ("schedules", {"first_at": "2999-01-01", "every": "day"}),
]


@pytest.fixture
def ada(http):
    return http.joined("ada")


@pytest.fixture
def own(ada):
    """Open the account that the key names."""
    return ada.opened(100)


@pytest.fixture
def other(ada):
    """Open an account of the same owner that the key does not name."""
    return ada.opened(100)


@pytest.fixture
def foreign(http):
    """Open an account of another user."""
    return http.joined("bob").opened(100)


@pytest.fixture
def shop(ada, own) -> Http:
    return program(ada, accounts=[own["number"]])


def ids(answer) -> list[str]:
    return [each["id"] for each in answer.json["data"]]


def test_the_list_has_the_named_accounts(ada, shop, own, other):
    assert ids(shop("GET", "/v1/accounts")) == [own["id"]]
    both = program(ada, accounts=[other["id"], own["id"], own["number"]])
    assert ids(both("GET", "/v1/accounts?limit=1")) == [own["id"]]
    cursor = both("GET", "/v1/accounts?limit=1").json["next_cursor"]
    rest = both("GET", f"/v1/accounts?limit=1&cursor={cursor}")
    assert (ids(rest), rest.json["next_cursor"]) == ([other["id"]], None)


@pytest.mark.parametrize("part", ["", "/lines", "/balance", "/statement"])
def test_another_account_of_the_owner_is_not_read(shop, own, other, part):
    assert shop("GET", f"/v1/accounts/{own['id']}{part}").status_code == 200
    for name in (other["id"], other["number"]):
        assert code(shop("GET", f"/v1/accounts/{name}{part}")) == (404, "not_found")


def test_another_account_of_the_owner_is_not_changed(shop, own, other):
    path = f"/v1/accounts/{other['id']}"
    assert code(shop("PATCH", path, {"name": "Mine"})) == (404, "not_found")
    assert code(shop("DELETE", path)) == (404, "not_found")
    opened = shop("POST", "/v1/accounts", {"name": "Next", "currency": "EUR"})
    assert code(opened) == (403, "forbidden")
    assert shop("PATCH", f"/v1/accounts/{own['id']}", {"name": "Till"}).status_code == 200


@pytest.mark.parametrize("path", ["deposits", "withdrawals"])
def test_cash_moves_on_named_accounts_alone(ada, shop, own, other, path):
    theirs = ada("POST", f"/v1/{path}", EUR | {"account": other["id"]}).json["id"]
    mine = shop("POST", f"/v1/{path}", EUR | {"account": own["id"]})
    assert mine.status_code == 201
    assert code(shop("POST", f"/v1/{path}", EUR | {"account": other["id"]})) == (404, "not_found")
    assert shop("GET", f"/v1/{path}/{mine.json['id']}").status_code == 200
    assert code(shop("GET", f"/v1/{path}/{theirs}")) == (404, "not_found")


@pytest.mark.parametrize(("path", "more"), PAYMENTS)
def test_money_leaves_named_accounts_alone(shop, own, other, path, more):
    for dry_run in ("", "?dry_run=true"):
        for name in (other["id"], other["number"]):
            body = EUR | more | {"from_account": name, "to_account": own["id"]}
            assert code(shop("POST", f"/v1/{path}{dry_run}", body)) == (404, "not_found")
        body = EUR | more | {"from_account": own["id"], "to_account": other["id"]}
        assert shop("POST", f"/v1/{path}{dry_run}", body).status_code == 201


def test_a_bulk_refuses_the_items_beyond_the_key(ada, shop, own, other, foreign):
    pay = {"to_account": foreign["id"]} | EUR
    payers = (own["id"], other["id"], own["number"], other["number"], foreign["id"])
    body = {"mode": "each", "transfers": [pay | {"from_account": each} for each in payers]}
    for _ in range(2):
        results = shop("POST", "/v1/transfers/bulk", body, key="b").json["results"]
        found = [each.get("code", each["status"]) for each in results]
        assert found == ["recorded", "not_found", "recorded", "not_found", "not_found"]
    assert ada.balance_minor(other) == 100


@pytest.mark.parametrize(("path", "more"), PAYMENTS)
def test_lists_and_details_have_the_entries_of_named_accounts(ada, shop, path, more):
    (own,) = ids(shop("GET", "/v1/accounts"))
    other, third = ada.opened(100)["id"], ada.opened()["id"]
    pay = EUR | more | {"to_account": third}
    mine = ada("POST", f"/v1/{path}", pay | {"from_account": own}).json["id"]
    hidden = ada("POST", f"/v1/{path}", pay | {"from_account": other}).json["id"]
    assert ids(ada("GET", f"/v1/{path}")) == [hidden, mine]
    assert ids(shop("GET", f"/v1/{path}")) == [mine]
    assert shop("GET", f"/v1/{path}/{mine}").status_code == 200
    assert code(shop("GET", f"/v1/{path}/{hidden}")) == (404, "not_found")
    if path == "schedules":
        assert code(shop("GET", f"/v1/schedules/{hidden}/runs")) == (404, "not_found")
        assert code(shop("DELETE", f"/v1/schedules/{hidden}")) == (404, "not_found")


def test_pages_join_although_others_are_left_out(ada, own, other, foreign, monkeypatch):
    monkeypatch.setattr(client, "SCANNED_AT_ONCE", 2)
    shop = program(ada, accounts=[own["id"]])
    mine = []
    for payer in (own, other, other, other, own, other, own):
        made = ada.transfer(payer, foreign, 1).json["id"]
        mine += [made] if payer is own else []
    found, path = [], "/v1/transfers?limit=1"
    while path:
        answer = shop("GET", path)
        found += ids(answer)
        cursor = answer.json["next_cursor"]
        path = f"/v1/transfers?limit=1&cursor={cursor}" if cursor else ""
    assert found == mine[::-1]


def test_a_payment_to_another_account_is_not_sent_back(http, ada, shop, own, other):
    bob = http.joined("bob")
    account = bob.opened(100)
    to_own = bob.transfer(account, own, 5).json["id"]
    to_other = bob.transfer(account, other, 5).json["id"]
    assert shop("POST", f"/v1/transfers/{to_own}/reversals").status_code == 201
    assert code(shop("POST", f"/v1/transfers/{to_other}/reversals")) == (404, "not_found")
    assert code(shop("GET", f"/v1/transfers/{to_other}/reversals")) == (404, "not_found")
    hidden = ada("POST", f"/v1/transfers/{to_other}/reversals").json["id"]
    assert code(shop("GET", f"/v1/reversals/{hidden}")) == (404, "not_found")


@pytest.mark.parametrize("part", ["capture", "void"])
def test_a_hold_for_another_account_is_not_ended(http, shop, own, other, part):
    bob = http.joined("bob")
    account = bob.opened(100)
    for payee, status in ((own, 200), (other, 404)):
        body = EUR | {"from_account": account["id"], "to_account": payee["id"]}
        hold = bob("POST", "/v1/holds", body).json["id"]
        answer = shop("POST", f"/v1/holds/{hold}/{part}")
        assert answer.status_code == status, answer.text


def test_a_payer_between_own_accounts_shows_the_named_side_alone(ada, own, other):
    payee = program(ada, accounts=[other["id"]])
    made = ada.transfer(own, other, 1).json
    assert "from_balance_minor" in made
    seen = payee("GET", f"/v1/transfers/{made['id']}").json
    assert seen.get("from_balance_minor") is None
