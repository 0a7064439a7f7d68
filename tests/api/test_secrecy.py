"""Secrets appear in no log or store, and a caller cannot forge a line of a log."""

import json
import logging
from pathlib import Path

import pytest

from tests.helpers import code

CANARY = "c4n4ry-in-the-mine"


def logs() -> str:
    for handler in logging.getLogger("accounts_bank").handlers:
        handler.flush()
    return "".join(Path(name).read_text() for name in ("app.log", "audit.log"))


def test_no_secret_and_nothing_personal_is_in_any_log(http):
    fields = {"username": f"u-{CANARY}", "password": CANARY, "full_name": CANARY}
    http("POST", "/v1/users", fields)
    ada = http.signed_in(f"u-{CANARY}", CANARY)
    account = ada("POST", "/v1/accounts", {"name": CANARY, "currency": "EUR"}).json
    cash = {"account": account["id"], "amount_minor": 9, "currency": "EUR", "reference": CANARY}
    ada("POST", "/v1/deposits", cash, key=CANARY)
    ada("PATCH", f"/v1/accounts/{account['id']}", {"name": CANARY + "!"})
    ada("PATCH", f"/v1/accounts/{account['id']}", {"name": "x"}, headers={"If-Match": "*"})
    ada("PATCH", "/v1/users/me", {"full_name": CANARY})
    new = {"current_password": CANARY, "new_password": CANARY * 2}
    ada("POST", "/v1/users/me/password", new | {"current_password": CANARY + "x"})
    ada("POST", "/v1/users/me/password", new)
    for body in ({CANARY: CANARY}, {**fields, "role": CANARY}, [CANARY], CANARY):
        http("POST", "/v1/users", body)
    http("POST", "/v1/auth/login", {"username": CANARY, "password": CANARY})
    http("POST", "/v1/auth/login", data=CANARY, content_type="application/json")
    http("GET", "/v1/users/me", headers={"Authorization": f"Bearer {CANARY}", "Cookie": CANARY})
    http("GET", f"/v1/users/me?token={CANARY}")
    text = logs()
    assert "login_failed" in text
    assert CANARY not in text
    assert ada.token.rpartition(".")[2] not in text
    assert ada.refresh_token.rpartition(".")[2] not in text


FORGED = 'x\r\n{"event":"forged"}\n\x1b[31mred\x1b[0m\u2028'


def test_a_client_cannot_forge_a_log_line(http):
    http("GET", "/health/live", environ_overrides={"HTTP_USER_AGENT": FORGED})
    http("GET", "/v1/accounts/a%0d%0a%7b%22event%22:%22forged%22%7d%1b[31m")
    http("POST", "/v1/users", {"username": FORGED, "password": "correct horse"})
    http("GET", "/health/live", environ_overrides={"HTTP_X_REQUEST_ID": FORGED})
    text = logs()
    assert "\x1b" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert not [line for line in lines if line["event"] == "forged"]
    assert next(line["user_agent"] for line in lines if "user_agent" in line) == FORGED


@pytest.mark.parametrize("given", ["a", "A.b_c-9", "x" * 64])
def test_a_request_id_that_is_given_is_kept(http, given):
    answer = http("GET", "/health/live", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\u00fc", "a;b", "a\n"])
def test_a_request_id_of_another_shape_is_replaced(http, given):
    answer = http("GET", "/health/live", environ_overrides={"HTTP_X_REQUEST_ID": given})
    assert answer.headers["X-Request-Id"] != given
    assert len(answer.headers["X-Request-Id"]) == 32


def test_our_own_fault_reveals_nothing_and_is_logged_with_its_trace(app, http, monkeypatch):
    ada = http.joined("ada")

    def burn(*_args, **_more):
        raise RuntimeError(f"the {CANARY} died")

    monkeypatch.setattr(type(app.extensions["accounts"].accounts), "of", burn)
    answer = ada("GET", "/v1/accounts")
    assert code(answer) == (500, "internal_error")
    assert CANARY not in answer.text
    assert "Traceback" not in answer.text
    burnt = [json.loads(line) for line in logs().splitlines() if "unexpected_error" in line]
    assert [line["level"] for line in burnt] == ["ERROR"]
    assert burnt[0]["request_id"] == answer.headers["X-Request-Id"]
    assert CANARY in burnt[0]["trace"]


@pytest.mark.parametrize(
    ("path", "private"),
    [
        *(("/v1/users/me", True), ("/v1/nowhere", True), ("/health/live", False)),
        *(("/docs", False), ("/openapi.json", False), ("/nowhere", False)),
    ],
)
def test_every_answer_carries_the_headers_that_protect_it(http, path, private):
    headers = http("GET", path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "default-src" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert ("no-store" in headers.get("Cache-Control", "")) == private
    assert "Server" not in headers or "Werkzeug" not in headers["Server"]
