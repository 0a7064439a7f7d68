"""Callers of the sandbox: admins, and programs on the same machine where it is open."""

import pytest

from accounts_bank.audit.chain import trail_line
from tests.helpers import code

CLOCK = "/v1/sandbox/clock"


@pytest.mark.parametrize("settings", [{"SANDBOX_OPEN": False}])
def test_a_closed_sandbox_needs_the_token_of_an_admin(app, http):
    assert code(http("GET", CLOCK)) == (401, "invalid_token")
    ada = http.joined("ada")
    assert code(ada("GET", CLOCK)) == (403, "forbidden")


def test_an_open_sandbox_needs_no_token_from_loopback(http):
    assert http("GET", CLOCK).status_code == 200
    assert http("GET", CLOCK, headers={"Authorization": "Bearer broken"}).status_code == 200
    assert http.joined("ada")("GET", CLOCK).status_code == 200


@pytest.mark.parametrize("address", ["192.0.2.1", "", "::ffff:192.0.2.1"])
def test_an_open_sandbox_is_shut_to_other_machines(http, address):
    answer = http("GET", CLOCK, environ_base={"REMOTE_ADDR": address})
    assert code(answer) == (401, "invalid_token")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin", "Host": "attacker.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "attacker.example"},
    ],
)
def test_a_page_of_another_site_cannot_use_an_open_sandbox(http, headers):
    answer = http("POST", "/v1/sandbox/snapshots/x/restore", headers=headers)
    assert code(answer) == (401, "invalid_token")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_a_local_page_may_use_an_open_sandbox(http, headers):
    assert http("GET", CLOCK, headers=headers).status_code == 200


def test_a_call_is_audited_with_its_caller(app, bank):
    bank.admin("PUT", "/v1/sandbox/snapshots/x")
    own = app.extensions["accounts.banks"]._entries[bank.id].bank
    (*_, line) = map(trail_line, own.audit.trail(0, 1_000))
    admin_id = bank.admin("GET", "/v1/users/me").json["id"]
    assert b'"event":"sandbox_take_snapshot"' in line
    assert admin_id.encode() in line
