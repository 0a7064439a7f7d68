"""A token that is not exactly one of ours opens nothing: 401, and how to sign in."""

import base64
import json
import time

import jwt
import pytest

from accounts_bank.api import tokens
from accounts_bank.app import create_app
from accounts_bank.concurrency.bounded_cache import BoundedCache
from tests.helpers import PASSWORD, Http, code

SECRET = "s" * 48


@pytest.fixture
def app(passwords):
    """Make a bank with a secret that the test knows."""
    return create_app({"JWT_SECRET_KEY": SECRET, "LOG_FILE": "app.log"}, passwords=passwords)


@pytest.fixture
def ada(http):
    """Sign Ada up and in."""
    return http.joined("ada")


def is_refused(http, header: str | None, *, method="GET", path="/v1/users/me", **more) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = http(method, path, headers=headers, **more)
    assert code(answer) == (401, "invalid_token")
    names_error = answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
    assert names_error == (header is not None)  # RFC 6750, 3.1


def parts(token: str) -> tuple[dict, dict]:
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def encoded(value: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_token_of_ours_opens_and_names_user_session_and_end(http, ada):
    _, claims = parts(ada.token)
    names = {"sub", "sid", "exp", "iat", "nbf", "jti", "type", "fresh", "csrf"}
    needed = {"sub", "sid", "exp", "iss", "aud", "typ"}
    assert needed <= claims.keys() <= names | needed
    assert (claims["iss"], claims["aud"]) == ("accounts-bank", "accounts-bank/v1")
    assert claims["sub"] == ada("GET", "/v1/users/me").json["id"]


@pytest.mark.parametrize(
    "claims",
    [
        *({"exp": None}, {"sub": None}, {"sid": None}, {"sub": 5}, {"sid": 5}),
        *({"sid": "other"}, {"sub": "other"}, {"type": "refresh"}, {"exp": 1}, {"exp": "soon"}),
        *({"iss": None}, {"iss": "other"}, {"aud": None}, {"aud": "other"}, {"aud": []}),
        *({"aud": "accounts-bank/pages"}, {"typ": None}, {"typ": "refresh"}),
        *({"nbf": 9_999_999_999}, {"sub": {"$gt": ""}}, {"sid": ["x"]}, {"sub": "bank"}),
    ],
)
def test_claims_that_we_never_write_open_nothing(http, ada, claims):
    header, ours = parts(ada.token)
    changed = {key: value for key, value in (ours | claims).items() if value is not None}
    signed = jwt.encode(changed, SECRET, "HS256", headers={"kid": header["kid"]})
    is_refused(http, f"Bearer {signed}")


def test_a_token_without_a_type_in_its_header_opens_nothing(http, ada):
    header, ours = parts(ada.token)
    for kind in (None, "at+jwt"):
        headers = {"kid": header["kid"], "typ": kind}
        is_refused(http, f"Bearer {jwt.encode(ours, SECRET, 'HS256', headers=headers)}")


def test_a_token_of_before_an_upgrade_is_401_for_the_api_and_the_pages(app, http, ada):
    header, ours = parts(ada.token)
    old = {key: ours[key] for key in ours.keys() - {"iss", "aud", "typ"}}
    signed = jwt.encode(old, SECRET, "HS256", headers={"kid": header["kid"]})
    is_refused(http, f"Bearer {signed}")
    client = app.test_client()
    for name in ("access_token_cookie", "refresh_token_cookie"):
        client.set_cookie(name, jwt.encode(old | {"pages": True}, SECRET, "HS256"))
    assert client.get("/overview").headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_opens_nothing(http, ada, algorithm):
    header, ours = parts(ada.token)
    is_refused(http, f"Bearer {jwt.encode(ours, SECRET * 2, algorithm, headers=header | {})}")
    signed = jwt.encode(ours, SECRET * 2, algorithm, headers={"kid": header["kid"]})
    is_refused(http, f"Bearer {signed}")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", "RS256"])
def test_no_algorithm_opens_nothing(http, ada, algorithm):
    header, ours = parts(ada.token)
    head = encoded(header | {"alg": algorithm})
    for signature in ("", ada.token.rpartition(".")[2]):
        is_refused(http, f"Bearer {head}.{encoded(ours)}.{signature}")


def test_another_secret_opens_nothing(http, ada):
    header, ours = parts(ada.token)
    for kid in (header["kid"], "other", "", None, 5):
        headers = {"kid": kid} if isinstance(kid, str) else None
        is_refused(http, f"Bearer {jwt.encode(ours, 'x' * 48, 'HS256', headers=headers)}")


def test_a_flipped_bit_opens_nothing(http, ada):
    for position in range(0, len(ada.token), 3):
        letter = ada.token[position]
        flipped = "A" if letter != "A" else "Q"
        if letter == ".":
            continue
        is_refused(http, f"Bearer {ada.token[:position]}{flipped}{ada.token[position + 1 :]}")


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Bearer ..", "Basic {token}"),
        *("{token}", "Bearer {token} {token}", "Bearer {token}.", "Bearer {token},Bearer {token}"),
        *("Token {token}", "Bearer\t{token}x", "Bearer \u00fc.\u00fc.\u00fc", "Bearer {long}"),
        *("Bearer e30.e30.e30", "Bearer bnVsbA.bnVsbA.bnVsbA", "Bearer W10.W10.W10"),
    ],
)
def test_a_header_of_another_shape_opens_nothing(http, ada, header):
    if header is not None:
        header = header.replace("{token}", ada.token).replace("{long}", "a" * 9000)
    is_refused(http, header)


def test_a_refresh_token_is_no_access_token_nor_the_other_way_round(http, ada):
    is_refused(http, f"Bearer {ada.refresh_token}")
    is_refused(http, f"Bearer {ada.token}", method="POST", path="/v1/auth/refresh")
    is_refused(http, None, method="POST", path="/v1/auth/refresh")


def test_a_token_stands_in_the_header_and_nowhere_else(app, http, ada):
    is_refused(http, None, path=f"/v1/users/me?access_token={ada.token}&jwt={ada.token}")
    client = app.test_client()
    for name in ("access_token_cookie", "refresh_token_cookie", "access_token"):
        client.set_cookie(name, ada.token)
    client.set_cookie("csrf_access_token", "x")
    answer = client.get("/v1/users/me", headers={"X-CSRF-TOKEN": "x"})
    assert code(answer) == (401, "invalid_token")
    body = {"name": "Main", "currency": "EUR"}
    for headers in ({}, {"X-CSRF-TOKEN": "x"}):
        answer = client.post("/v1/accounts", json=body, headers=headers)
        assert code(answer) == (401, "invalid_token")


@pytest.mark.parametrize(("claim", "offset_s"), [("iat", 29), ("nbf", 29), ("exp", -29)])
def test_clocks_of_servers_may_differ_by_30_s_for_a_token(http, ada, claim, offset_s):
    header, ours = parts(ada.token)
    for more_s, status in ((0, 200), (offset_s // 10, 401)):
        claims = ours | {claim: int(time.time()) + offset_s + more_s}
        signed = jwt.encode(claims, SECRET, "HS256", headers={"kid": header["kid"]})
        answer = http("GET", "/v1/users/me", headers={"Authorization": f"Bearer {signed}"})
        assert answer.status_code == status


def test_no_token_outlives_its_end_its_session_or_its_user(http, ada, monkeypatch):
    assert ada("GET", "/v1/users/me").status_code == 200
    now = time.time()
    monkeypatch.setattr(tokens, "time", lambda: now + 901)
    with monkeypatch.context() as later:
        later.setattr("jwt.api_jwt.datetime", _Later)
        is_refused(http, f"Bearer {ada.token}")
    monkeypatch.undo()
    ada("POST", "/v1/auth/logout")
    is_refused(http, f"Bearer {ada.token}")
    again = http.signed_in("ada")
    body = {"current_password": PASSWORD, "new_password": "battery staple"}
    other = http.signed_in("ada")
    again("POST", "/v1/users/me/password", body)
    is_refused(http, f"Bearer {other.token}")
    again("DELETE", "/v1/users/me")
    is_refused(http, f"Bearer {again.token}")
    is_refused(http, f"Bearer {again.refresh_token}", method="POST", path="/v1/auth/refresh")


class _Later:
    @staticmethod
    def now(tz=None):
        from datetime import datetime, timedelta

        return datetime.now(tz) + timedelta(seconds=900 + tokens.LEEWAY_S)


def test_the_cache_of_verified_tokens_is_bounded(ada):
    kept = ada.app.extensions["accounts.verified_tokens"]
    kept._claims = BoundedCache(2)
    ada("GET", "/v1/users/me")
    for _ in range(3):
        again = ada.signed_in("ada")
        assert again("GET", "/v1/users/me").status_code == 200
    assert len(kept._claims) <= 2


def test_a_new_secret_keeps_every_session(ada, passwords):
    """The old secret verifies, the new one signs; a token of neither opens nothing."""
    bank = ada.app.extensions["accounts"]
    new = {"JWT_SECRET_KEY": "n" * 48, "JWT_OLD_SECRET_KEYS": [SECRET], "AUDIT_LOG": "second.log"}
    app = create_app(new, passwords=passwords)
    app.extensions["accounts"] = bank
    moved = Http(app, ada.token)
    assert moved("GET", "/v1/users/me").status_code == 200
    moved.token = ada.refresh_token
    fresh = moved("POST", "/v1/auth/refresh").json["access_token"]
    assert jwt.decode(fresh, "n" * 48, ["HS256"], audience="accounts-bank/v1")
    forgotten = create_app(new | {"JWT_OLD_SECRET_KEYS": []}, passwords=passwords)
    forgotten.extensions["accounts"] = bank
    is_refused(Http(forgotten), f"Bearer {ada.token}")
