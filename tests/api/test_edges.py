"""Proxies, names and TLS: the bank trusts only the headers that its settings name."""

import json
import logging
from pathlib import Path

import pytest

from accounts_bank.app import create_app
from tests.helpers import Http, code

CLAIMED = {"X-Forwarded-For": "9.9.9.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil"}


@pytest.fixture
def bank_with(passwords):
    """Make a bank with settings of its own."""

    def make(**settings) -> Http:
        return Http(create_app({"LOG_FILE": "app.log", **settings}, passwords=passwords))

    return make


def address_logged(http) -> str:
    http.app.extensions["accounts"].audit.close()
    for handler in logging.getLogger("accounts_bank").handlers:
        handler.flush()
    lines = map(json.loads, Path("app.log").read_text().splitlines())
    return [line["address"] for line in lines if line["event"] == "request"][-1]


def test_no_proxy_is_trusted_by_default(bank_with):
    http = bank_with()
    answer = http("GET", "/health/live", headers=CLAIMED)
    assert "Strict-Transport-Security" not in answer.headers
    assert address_logged(http) == "127.0.0.1"


@pytest.mark.parametrize(
    ("proxies", "sent", "address"),
    [
        (1, "9.9.9.9", "9.9.9.9"),
        (1, "8.8.8.8, 9.9.9.9", "9.9.9.9"),
        (2, "8.8.8.8, 9.9.9.9", "8.8.8.8"),
        (2, "7.7.7.7, 8.8.8.8, 9.9.9.9", "8.8.8.8"),
        (2, "9.9.9.9", "127.0.0.1"),
        (1, "", "127.0.0.1"),
    ],
)
def test_of_a_chain_of_proxies_the_last_ones_are_believed(bank_with, proxies, sent, address):
    http = bank_with(PROXY_COUNT=proxies)
    http("GET", "/health/live", headers={"X-Forwarded-For": sent})
    assert address_logged(http) == address


def test_behind_a_proxy_each_client_has_limits_of_its_own(bank_with):
    http = bank_with(PROXY_COUNT=1, LOGIN_RATE_LIMIT="2 per minute")
    body = {"username": "ada", "password": "wrong"}

    def login(forged, address):
        headers = {"X-Forwarded-For": f"{forged}, {address}"}
        return code(http("POST", "/v1/auth/login", body, headers=headers))[0]

    assert [login(f"1.1.1.{number}", "9.9.9.9") for number in range(3)] == [401, 401, 429]
    assert login("1.1.1.1", "9.9.9.8") == 401


def test_behind_tls_browsers_are_told_to_stay_there(bank_with):
    http = bank_with(PROXY_COUNT=1)
    answer = http("GET", "/nowhere", headers=CLAIMED)
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    plain = http("GET", "/nowhere", headers={"X-Forwarded-Proto": "http"})
    assert "Strict-Transport-Security" not in plain.headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("bank.example", 303),
        ("BANK.example:8443", 303),
        ("a.inner.example", 303),
        ("evil.example", 400),
        ("bank.example.evil", 400),
        ("bank.example@evil", 400),
        ("", 400),
    ],
)
def test_a_bank_answers_to_its_own_names_alone(bank_with, host, status):
    http = bank_with(TRUSTED_HOSTS=["Bank.example", ".inner.example"])
    assert http("GET", "/", headers={"Host": host}).status_code == status


def test_a_name_that_a_proxy_passes_on_is_not_believed(bank_with):
    http = bank_with(TRUSTED_HOSTS=["bank.example"], PROXY_COUNT=1)
    claimed = {"X-Forwarded-Host": "bank.example", "Host": "evil"}
    assert code(http("GET", "/v1/users/me", headers=claimed)) == (400, "invalid_request")


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_health_and_metrics_answer_to_an_address(bank_with, path):
    http = bank_with(TRUSTED_HOSTS=["bank.example"])
    assert http("GET", path, headers={"Host": "10.1.2.3:5000"}).status_code == 200
