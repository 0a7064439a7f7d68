"""Pages of other origins: which may call the API, and with which headers."""

import pytest

from accounts_bank.app import create_app
from accounts_bank.config import load_settings
from accounts_bank.errors import SettingsError
from tests.helpers import Http

APP, LOCAL = "https://app.example", "http://localhost:3000"
ALLOWED = "Access-Control-Allow-Origin"


@pytest.fixture
def bank_with(passwords):
    """Make a bank with settings of its own."""

    def make(**settings) -> Http:
        return Http(create_app({"LOG_LEVEL": "ERROR", **settings}, passwords=passwords))

    return make


def preflight(http, origin, path="/v1/transfers"):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    return http("OPTIONS", path, headers=headers)


def test_a_preflight_of_an_allowed_origin_needs_no_token(bank_with):
    answer = preflight(bank_with(CORS_ORIGINS=[APP]), APP)
    assert answer.status_code == 204
    assert answer.headers[ALLOWED] == APP
    assert "Origin" in answer.headers["Vary"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {
        "authorization",
        "content-type",
        "idempotency-key",
        "if-match",
        "x-request-id",
        "accounts-fault",
    } <= set(allowed)
    methods = set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= methods
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/accounts", "/v1/nowhere", "/v1/accounts/"])
def test_each_answer_below_v1_may_be_read(bank_with, path):
    answer = bank_with(CORS_ORIGINS=[APP])("GET", path, headers={"Origin": APP})
    assert answer.status_code in {401, 404}
    assert answer.headers[ALLOWED] == APP
    exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    assert {
        "Location",
        "Link",
        "ETag",
        "Idempotent-Replayed",
        "Retry-After",
        "X-Request-Id",
    } <= exposed
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://app.example", f"{APP}.evil.example", LOCAL, "null", ""],
)
def test_another_origin_is_not_allowed(bank_with, origin):
    http = bank_with(CORS_ORIGINS=[APP])
    assert ALLOWED not in preflight(http, origin).headers
    assert ALLOWED not in http("GET", "/v1/accounts", headers={"Origin": origin}).headers


def test_by_default_no_origin_is_allowed(bank_with):
    http = bank_with()
    for origin in (APP, LOCAL):
        assert ALLOWED not in preflight(http, origin).headers
        assert "Vary" not in http("GET", "/v1/accounts", headers={"Origin": origin}).headers


@pytest.mark.parametrize("kind", ["DEMO", "SANDBOX"])
def test_a_demo_and_a_sandbox_allow_each_port_of_this_machine(bank_with, kind):
    http = bank_with(**{kind: True})
    for origin in (LOCAL, "http://127.0.0.1:8080", "http://localhost"):
        assert preflight(http, origin).headers[ALLOWED] == origin
    for origin in ("http://localhost.evil.example:3000", "http://localhost:3000@evil.example", APP):
        assert ALLOWED not in preflight(http, origin).headers


def test_pages_outside_of_v1_are_for_no_other_origin(bank_with):
    http = bank_with(CORS_ORIGINS=["*"])
    assert http("GET", "/v1/accounts", headers={"Origin": APP}).headers[ALLOWED] == APP
    for path in ("/sign-in", "/metrics", "/docs"):
        assert ALLOWED not in http("GET", path, headers={"Origin": APP}).headers


@pytest.mark.parametrize(
    "origin", ["app.example", f"{APP}/", f"{APP}/path", "https://*.example", ""]
)
def test_a_wrong_origin_stops_the_start(origin):
    with pytest.raises(SettingsError, match="CORS_ORIGINS"):
        load_settings({"CORS_ORIGINS": [origin]}, {})
