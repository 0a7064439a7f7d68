"""/v1/api-keys: keys with which programs act for their owner."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from accounts_bank.collections import api_keys
from accounts_bank.identity import Role, Scope
from tests.helpers import AUDITOR, PASSWORD, TELLER, Http, code

ALL = [each.value for each in Scope]
SHOWN = {
    "id",
    "name",
    "prefix",
    "scopes",
    "accounts",
    "created_at",
    "expires_at",
    "daily_limit_minor",
    "last_used_at",
}


def made(owner: Http, *scopes: str, **fields) -> dict:
    """Make a key; without scopes it has all."""
    answer = owner("POST", "/v1/api-keys", {"name": "shop", "scopes": list(scopes) or ALL} | fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def program(owner: Http, *scopes: str, **fields) -> Http:
    """Return a caller that has a new key."""
    return Http(owner.app, made(owner, *scopes, **fields)["secret"])


@pytest.fixture
def ada(http):
    return http.joined("ada")


def test_a_secret_is_shown_once(ada):
    answer = ada("POST", "/v1/api-keys", {"name": "shop", "scopes": ["payments:read"]})
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/api-keys/{answer.json['id']}"
    assert answer.json.keys() == SHOWN | {"secret"}
    assert re.fullmatch(r"acc_[A-Za-z0-9_-]{43}", answer.json["secret"])
    assert answer.json["secret"].startswith(answer.json["prefix"])
    shown = {name: answer.json[name] for name in SHOWN}
    assert ada("GET", f"/v1/api-keys/{shown['id']}").json == shown
    assert ada("GET", "/v1/api-keys").json == {"data": [shown], "next_cursor": None}
    assert shown["last_used_at"] is None
    assert shown["accounts"] is None


def test_no_line_on_disk_tells_a_secret(ada, caplog):
    secret = made(ada)["secret"]
    Http(ada.app, secret)("GET", "/v1/accounts")
    written = b"".join(path.read_bytes() for path in Path().rglob("*") if path.is_file())
    assert b"api_key_made_" in written
    assert secret.encode() not in written + caplog.text.encode()


def test_the_pages_of_keys_join(ada):
    ids = [made(ada, name=f"key {number}")["id"] for number in range(5)]
    found, path = [], "/v1/api-keys?limit=2"
    while path:
        answer = ada("GET", path)
        found += [each["id"] for each in answer.json["data"]]
        cursor = answer.json["next_cursor"]
        path = f"/v1/api-keys?limit=2&cursor={cursor}" if cursor else ""
    assert found == ids[::-1]


def test_a_key_opens_the_operations_of_its_scopes(ada):
    account, payee = ada.opened(100), ada.opened()
    shop = program(ada, "payments:write")
    assert shop.transfer(account, payee, 30).status_code == 201
    refused = shop("GET", "/v1/accounts")
    assert code(refused) == (403, "scope_missing")
    assert refused.json["scope"] == "accounts:read"
    assert "WWW-Authenticate" not in refused.headers
    reader = program(ada, "accounts:read")
    assert [each["balance_minor"] for each in reader("GET", "/v1/accounts").json["data"]] == [
        70,
        30,
    ]
    assert code(reader.transfer(account, payee, 1)) == (403, "scope_missing")


def test_an_ended_key_is_401_at_once(ada):
    key = made(ada)
    shop = Http(ada.app, key["secret"])
    assert shop("GET", "/v1/accounts").status_code == 200
    assert ada("DELETE", f"/v1/api-keys/{key['id']}").status_code == 204
    answer = shop("GET", "/v1/accounts")
    assert code(answer) == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
    assert code(ada("DELETE", f"/v1/api-keys/{key['id']}")) == (404, "not_found")
    assert code(ada("GET", f"/v1/api-keys/{key['id']}")) == (404, "not_found")


@pytest.mark.parametrize("rest", ["", "A" * 42, "A" * 43, "A" * 44, "é" * 43])
def test_an_unknown_secret_is_401(ada, rest):
    assert code(Http(ada.app, f"acc_{rest}")("GET", "/v1/accounts")) == (401, "invalid_token")


def test_a_key_expires_by_the_clock_of_the_bank(app, ada):
    keys, now = app.extensions["accounts"].users.keys, app.extensions["accounts"].clock()
    ends_at = now + timedelta(hours=1)
    shop = program(ada, expires_at=ends_at.isoformat())
    assert shop("GET", "/v1/accounts").status_code == 200
    keys._clock = lambda: ends_at - timedelta(seconds=1)
    assert shop("GET", "/v1/accounts").status_code == 200
    keys._clock = lambda: ends_at
    assert code(shop("GET", "/v1/accounts")) == (401, "invalid_token")


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("name", "", "/name"),
        ("name", "a\nb", "/name"),
        ("scopes", [], "/scopes"),
        ("scopes", ["all"], "/scopes/0"),
        ("accounts", [], "/accounts"),
        ("expires_at", "2020-01-01", "/expires_at"),
        ("expires_at", "soon", "/expires_at"),
        ("daily_limit_minor", 0, "/daily_limit_minor"),
        ("secret", "acc_x", "/secret"),
    ],
)
def test_a_bad_field_is_named(ada, field, value, pointer):
    body = {"name": "shop", "scopes": ["accounts:read"], field: value}
    answer = ada("POST", "/v1/api-keys", body)
    assert code(answer) == (400, "invalid_request")
    assert answer.json["errors"][0]["pointer"] == pointer


def test_a_user_has_a_bounded_number_of_keys(ada, monkeypatch):
    monkeypatch.setattr(api_keys, "KEYS_MAX", 2)
    first = made(ada)
    made(ada)
    answer = ada("POST", "/v1/api-keys", {"name": "third", "scopes": ALL})
    assert code(answer) == (409, "api_keys_full")
    ada("DELETE", f"/v1/api-keys/{first['id']}")
    made(ada)


def test_a_key_of_another_user_is_unknown(http, ada):
    eve, key = http.joined("eve"), made(ada)
    for method in ("GET", "DELETE"):
        assert code(eve(method, f"/v1/api-keys/{key['id']}")) == (404, "not_found")
    assert eve("GET", "/v1/api-keys").json["data"] == []
    assert Http(ada.app, key["secret"])("GET", "/v1/accounts").status_code == 200


def test_an_account_of_another_user_cannot_be_named(http, ada):
    foreign = http.joined("eve").opened()
    for name in (foreign["id"], foreign["number"], "x"):
        body = {"name": "shop", "scopes": ALL, "accounts": [name]}
        assert code(ada("POST", "/v1/api-keys", body)) == (404, "not_found")


def test_a_key_dies_with_its_owner(ada):
    shop = program(ada)
    assert ada("DELETE", "/v1/users/me").status_code == 204
    assert code(shop("GET", "/v1/accounts")) == (401, "invalid_token")


def test_a_key_lives_on_after_a_new_password(ada):
    shop = program(ada)
    body = {"current_password": PASSWORD, "new_password": "battery staple"}
    assert ada("POST", "/v1/users/me/password", body).status_code == 204
    assert shop("GET", "/v1/accounts").status_code == 200


def test_a_key_loses_a_right_with_its_owner(app, ada):
    users, account = app.extensions["accounts"].users, ada.opened(10)
    shop, user_id = program(ada), ada("GET", "/v1/users/me").json["id"]
    users.add("root", users._passwords.hash(PASSWORD), role=Role.ADMIN)
    root = Http(app).signed_in("root")
    cash = {"account": account["id"], "amount_minor": 1, "currency": "EUR"}
    assert shop("POST", "/v1/withdrawals", cash).status_code == 201
    root("PUT", f"/v1/users/{user_id}/role", {"role": "auditor"})
    assert code(shop("POST", "/v1/withdrawals", cash)) == (403, "forbidden")
    assert shop("GET", "/v1/accounts").status_code == 200


@pytest.mark.parametrize("name", [TELLER, AUDITOR])
def test_a_key_of_staff_serves_no_other_user(http, ada, name):
    account, staff = ada.opened(10), program(http.signed_in(name))
    transfer = ada.transfer(account, ada.opened(), 1).json["id"]
    assert code(staff("GET", f"/v1/accounts/{account['id']}")) == (404, "not_found")
    assert code(staff("GET", f"/v1/accounts/{account['id']}/lines")) == (404, "not_found")
    assert code(staff("GET", f"/v1/transfers/{transfer}")) == (404, "not_found")
    assert staff("GET", "/v1/accounts").json["data"] == []


def test_the_key_of_a_teller_pays_no_cash_into_its_own_account(http):
    teller = http.signed_in(TELLER)
    cash = {"account": teller.opened()["id"], "amount_minor": 1, "currency": "EUR"}
    for caller, why in ((teller, "own_account"), (program(teller), "forbidden")):
        assert code(caller("POST", "/v1/deposits", cash)) == (403, why)


def test_the_owner_and_its_keys_share_idempotency_keys(ada):
    account, payee = ada.opened(100), ada.opened()
    first = ada.transfer(account, payee, 7, key="order 7")
    again = program(ada).transfer(account, payee, 7, key="order 7")
    assert (again.status_code, again.json["id"]) == (201, first.json["id"])
    assert again.headers["Idempotent-Replayed"] == "true"


def test_the_last_use_is_noted_once_a_minute(app, ada):
    users = app.extensions["accounts"].users
    key = made(ada)
    shop, path = Http(app, key["secret"]), f"/v1/api-keys/{key['id']}"
    now = app.extensions["accounts"].clock()
    users.keys._clock = lambda: now
    shop("GET", "/v1/accounts")
    first = ada("GET", path).json["last_used_at"]
    assert first is not None
    users.keys._clock = lambda: now + timedelta(seconds=59)
    shop("GET", "/v1/accounts")
    assert ada("GET", path).json["last_used_at"] == first
    users.keys._clock = lambda: now + timedelta(seconds=60)
    shop("GET", "/v1/accounts")
    assert ada("GET", path).json["last_used_at"] > first


def test_a_key_opens_no_page_and_no_refresh(ada):
    secret = made(ada)["secret"]
    shop = Http(ada.app, secret)
    assert code(shop("POST", "/v1/auth/refresh")) == (401, "invalid_token")
    client = ada.app.test_client()
    client.set_cookie("access_token_cookie", secret)
    assert client.get("/profile").status_code == 303


def test_a_key_is_named_in_the_log_and_in_the_audit_trail(http, ada, caplog):
    caplog.set_level("INFO")
    key = made(ada)
    Http(ada.app, key["secret"])("GET", "/v1/accounts")
    ada("DELETE", f"/v1/api-keys/{key['id']}")
    named = [each.context.get("key_id") for each in caplog.records if each.msg == "request"]
    assert named.count(key["id"]) == 1
    user_id = ada("GET", "/v1/users/me").json["id"]
    trail = http.signed_in(AUDITOR)("GET", "/v1/audit?limit=100").json["data"]
    found = [each for each in trail if each["event"].startswith("api_key_")]
    assert [(each["event"], each["user_id"], each["actor_id"]) for each in found] == [
        (f"api_key_{what}_{key['id']}", user_id, user_id) for what in ("made", "ended")
    ]


def test_a_key_pays_within_its_daily_limit(ada):
    account, payee = ada.opened(1000), ada.opened()
    shop = program(ada, daily_limit_minor=100)
    assert shop.transfer(account, payee, 60).status_code == 201
    cash = {"account": account["id"], "amount_minor": 30, "currency": "EUR"}
    assert shop("POST", "/v1/withdrawals", cash).status_code == 201
    for _ in range(2):
        refused = shop.transfer(account, payee, 11, key="too much")
        assert code(refused) == (422, "limit_exceeded")
        assert refused.json["left_minor"] == 10
    pay = {"from_account": account["id"], "to_account": payee["id"], "currency": "EUR"}
    body = {"mode": "each", "transfers": [pay | {"amount_minor": each} for each in (6, 6, 4)]}
    results = shop("POST", "/v1/transfers/bulk", body).json["results"]
    assert [each.get("code") for each in results] == [None, "limit_exceeded", None]
    assert code(shop("POST", "/v1/holds", pay | {"amount_minor": 1})) == (422, "limit_exceeded")
    assert ada.transfer(account, payee, 500).status_code == 201
    assert program(ada, daily_limit_minor=100).transfer(account, payee, 100).status_code == 201


def test_a_limit_that_refuses_is_kept_with_its_key_in_the_audit_trail(http, ada):
    account, payee = ada.opened(1000), ada.opened()
    key = made(ada, daily_limit_minor=100)
    Http(ada.app, key["secret"]).transfer(account, payee, 101, key="x")
    trail = http.signed_in(AUDITOR)("GET", "/v1/audit?limit=100").json["data"]
    (line,) = [each for each in trail if each["event"] == "transfer"]
    assert line["outcome"] == "limit_exceeded"
    assert line["asked"]["key"] == {"id": key["id"], "daily_limit_minor": 100}


def test_the_books_of_a_key_with_a_limit_are_right(http, ada):
    account, payee = ada.opened(1000), ada.opened()
    program(ada, daily_limit_minor=100).transfer(account, payee, 60)
    assert http.signed_in(AUDITOR)("GET", "/v1/integrity").json["ok"]
