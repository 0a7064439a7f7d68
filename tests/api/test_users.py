"""/v1/users and /v1/auth over HTTP."""

import pytest

from accounts_bank.collections.sessions import SESSIONS_MAX
from tests.helpers import PASSWORD, code


def test_a_new_user_is_shown_without_secrets(http):
    body = {"username": "Ada", "password": PASSWORD, "full_name": "Ada Lovelace"}
    answer = http("POST", "/v1/users", body)
    assert (answer.status_code, answer.headers["Location"]) == (201, "/v1/users/me")
    assert answer.json.keys() == {"id", "username", "full_name", "role", "created_at"}
    assert (answer.json["username"], answer.json["full_name"]) == ("Ada", "Ada Lovelace")
    assert answer.json["role"] == "customer"
    assert answer.json["created_at"].endswith("Z")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_full_name_need_not_be_told(http):
    answer = http("POST", "/v1/users", {"username": "ada", "password": PASSWORD})
    assert answer.json["full_name"] is None


def test_a_taken_name_is_409(http):
    http.joined("ada")
    answer = http("POST", "/v1/users", {"username": "ADA", "password": PASSWORD})
    assert code(answer) == (409, "username_taken")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", ""),
        ("username", "a" * 65),
        ("username", " ada"),
        ("username", "ada\n"),
        ("username", "a\u202eda"),
        ("password", "short"),
        ("password", "a" * 257),
        ("full_name", ""),
        ("full_name", "\x1b[31mred"),
    ],
)
def test_a_bad_field_is_named(http, field, value):
    body = {"username": "ada", "password": PASSWORD, field: value}
    answer = http("POST", "/v1/users", body)
    assert code(answer) == (400, "invalid_request")
    assert [error["pointer"] for error in answer.json["errors"]] == [f"/{field}"]


def test_a_session_has_two_tokens(http):
    http.joined("ada")
    answer = http("POST", "/v1/auth/login", {"username": "ADA", "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json.keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 900)
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_unknown_name_and_a_wrong_password_have_one_answer(http):
    http.joined("ada")
    said = []
    for name in ("ada", "nobody"):
        answer = http("POST", "/v1/auth/login", {"username": name, "password": "wrong"})
        assert code(answer) == (401, "invalid_credentials")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        said.append(answer.json | {"request_id": ""})
    assert said[0] == said[1]


def test_a_refresh_token_is_good_for_one_new_pair(http):
    ada = http.joined("ada")
    first = ada.refresh_token
    ada.token, access = first, ada.token
    fresh = ada("POST", "/v1/auth/refresh")
    assert fresh.status_code == 200
    assert fresh.json["refresh_token"] != first
    ada.token = access
    assert ada("GET", "/v1/users/me").status_code == 200
    ada.token = first
    assert code(ada("POST", "/v1/auth/refresh")) == (401, "invalid_token")
    for token in (access, fresh.json["access_token"], fresh.json["refresh_token"]):
        ada.token = token
        assert code(ada("GET", "/v1/users/me")) == (401, "invalid_token")


def test_signing_out_ends_both_tokens(http):
    ada, other = http.joined("ada"), http.signed_in("ada")
    assert ada("POST", "/v1/auth/logout").status_code == 204
    assert code(ada("GET", "/v1/users/me")) == (401, "invalid_token")
    ada.token = ada.refresh_token
    assert code(ada("POST", "/v1/auth/refresh")) == (401, "invalid_token")
    assert other("GET", "/v1/users/me").status_code == 200


def test_a_profile_is_read_and_changed(http):
    ada = http.joined("ada")
    answer = ada("PATCH", "/v1/users/me", {"full_name": "Countess"})
    assert (answer.status_code, answer.json["full_name"]) == (200, "Countess")
    assert ada("GET", "/v1/users/me").json == answer.json
    assert ada("PATCH", "/v1/users/me", {"full_name": None}).json["full_name"] is None
    assert code(ada("PATCH", "/v1/users/me", {})) == (400, "invalid_request")


def test_a_new_password_ends_other_sessions_and_keeps_this_one(http):
    ada, other = http.joined("ada"), http.signed_in("ada")
    body = {"current_password": PASSWORD, "new_password": "battery staple"}
    assert ada("POST", "/v1/users/me/password", body).status_code == 204
    assert ada("GET", "/v1/users/me").status_code == 200
    assert code(other("GET", "/v1/users/me")) == (401, "invalid_token")
    assert http.signed_in("ada", "battery staple")


def test_a_wrong_current_password_changes_nothing(http):
    ada = http.joined("ada")
    body = {"current_password": "wrong", "new_password": "battery staple"}
    assert code(ada("POST", "/v1/users/me/password", body)) == (401, "invalid_credentials")
    assert http.signed_in("ada")


def test_a_user_with_open_accounts_stays(http):
    ada = http.joined("ada")
    account = ada.opened()
    answer = ada("DELETE", "/v1/users/me")
    assert code(answer) == (409, "accounts_open")
    assert answer.json["open_accounts"] == 1
    assert ada("DELETE", f"/v1/accounts/{account['id']}").status_code == 204
    assert ada("DELETE", "/v1/users/me").status_code == 204


def test_a_deleted_users_tokens_die_and_its_name_is_free(http):
    ada = http.joined("ada")
    assert ada("DELETE", "/v1/users/me").status_code == 204
    for method, path in [("GET", "/v1/users/me"), ("POST", "/v1/auth/logout")]:
        answer = ada(method, path)
        assert code(answer) == (401, "invalid_token")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert http.joined("ada")("GET", "/v1/accounts").json == {"data": [], "next_cursor": None}


def test_a_weak_password_is_400_with_its_code(http):
    body = {"username": "countess", "password": "password1"}
    assert code(http("POST", "/v1/users", body)) == (400, "password_weak")
    ada = http.joined("ada")
    body = {"current_password": PASSWORD, "new_password": "ada-12345"}
    assert code(ada("POST", "/v1/users/me/password", body)) == (400, "password_weak")
    assert http.signed_in("ada").token


def test_sessions_are_listed_page_by_page_and_ended(http):
    ada = http.joined("ada")
    phone = http.signed_in("ada", headers={"User-Agent": "Phone/1.0"})
    first = ada("GET", "/v1/users/me/sessions?limit=1").json
    (session,) = first["data"]
    assert session.keys() == {
        *("id", "created_at", "last_used_at", "address", "agent", "current"),
    }
    assert (session["agent"], session["address"]) == ("Phone/1.0", "127.0.0.1")
    assert session["current"] is False
    rest = ada("GET", f"/v1/users/me/sessions?cursor={first['next_cursor']}").json
    assert ([each["current"] for each in rest["data"]], rest["next_cursor"]) == ([True], None)
    path = f"/v1/users/me/sessions/{session['id']}"
    assert code(http.joined("eve")("DELETE", path)) == (404, "not_found")
    assert ada("DELETE", path).status_code == 204
    assert code(phone("GET", "/v1/users/me")) == (401, "invalid_token")
    phone.token = phone.refresh_token
    assert code(phone("POST", "/v1/auth/refresh")) == (401, "invalid_token")
    assert code(ada("DELETE", path)) == (404, "not_found")


def test_a_sign_in_too_many_names_the_session_that_it_ended(http):
    ada = http.joined("ada")
    oldest = ada("GET", "/v1/users/me/sessions").json["data"][0]["id"]
    for _ in range(SESSIONS_MAX - 1):
        http.signed_in("ada")
    answer = http("POST", "/v1/auth/login", {"username": "ada", "password": PASSWORD})
    assert answer.json["ended_session"] == oldest
    assert code(ada("GET", "/v1/users/me")) == (401, "invalid_token")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ad\u200da", (400, "username_not_allowed")),
        ("ad\u0430", (400, "username_not_allowed")),
        ("\u3164", (400, "username_not_allowed")),
        ("b0b", (409, "username_taken")),
    ],
)
def test_a_deceiving_username_is_refused(http, name, told):
    http.joined("bob")
    assert code(http("POST", "/v1/users", {"username": name, "password": PASSWORD})) == told
