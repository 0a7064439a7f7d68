"""Approvals over HTTP: 202 for what waits, and its decision by a second person."""

import json
from pathlib import Path

import pytest

from accounts_bank.app import create_app
from accounts_bank.errors import SettingsError
from accounts_bank.identity import Role
from tests.helpers import AUDITOR, PASSWORD, TELLER, Http, code

SETTINGS = {"FOUR_EYES": True, "FOUR_EYES_CASH_ABOVE_MINOR": {"EUR": 1000}}


@pytest.fixture
def app(passwords):
    staff = [{"username": name, "role": name, "password": PASSWORD} for name in (AUDITOR, TELLER)]
    staff.append({"username": "tess", "role": "teller", "password": PASSWORD})
    made = create_app({"STAFF": staff, **SETTINGS}, passwords=passwords)
    yield made
    made.extensions["accounts"].close()


@pytest.fixture
def tom(http):
    return http.signed_in(TELLER)


@pytest.fixture
def tess(http):
    return http.signed_in("tess")


@pytest.fixture
def account(http):
    """An account of a customer with 5.00 on it."""
    return http.joined("ada").opened(500)


def cash(account, amount_minor: int) -> dict:
    return {"account": account["number"], "amount_minor": amount_minor, "currency": "EUR"}


def test_a_large_deposit_waits_until_a_second_teller_grants_it(tom, tess, account):
    answer = tom("POST", "/v1/deposits", cash(account, 1001), key="k")
    assert answer.status_code == 202
    waits = answer.json
    assert waits.keys() == {"approval_id", "status", "expires_at"}
    assert waits["status"] == "waiting"
    assert answer.headers["Location"] == f"/v1/approvals/{waits['approval_id']}"
    again = tom("POST", "/v1/deposits", cash(account, 1001), key="k")
    assert (again.status_code, again.json) == (202, waits)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert tom.balance_minor(account) == 500
    (shown,) = tess("GET", "/v1/approvals").json["data"]
    assert shown == tess("GET", answer.headers["Location"]).json
    assert (shown["kind"], shown["amount_minor"], shown["account_id"]) == (
        "deposit",
        1001,
        account["id"],
    )
    granted = tess("POST", f"/v1/approvals/{waits['approval_id']}/grant", key="g")
    assert (granted.status_code, granted.json["status"]) == (200, "granted")
    assert tess("GET", f"/v1/deposits/{granted.json['entry_id']}").json["amount_minor"] == 1001
    assert tom.balance_minor(account) == 1501
    retried = tess("POST", f"/v1/approvals/{waits['approval_id']}/grant", key="g")
    assert (retried.json, retried.headers["Idempotent-Replayed"]) == (granted.json, "true")
    assert tom.balance_minor(account) == 1501
    assert tess("GET", "/v1/approvals").json["data"] == []


def test_a_refused_request_changes_nothing(tom, tess, account):
    limits = f"/v1/accounts/{account['id']}/credit-limit"
    waits = tom("PUT", limits, {"credit_limit_minor": 5}).json["approval_id"]
    refused = tess("POST", f"/v1/approvals/{waits}/refuse").json
    assert (refused["status"], refused["credit_limit_minor"]) == ("refused", 5)
    assert code(tess("POST", f"/v1/approvals/{waits}/grant")) == (422, "approval_refused")
    assert tom("GET", f"/v1/accounts/{account['id']}").json["credit_limit_minor"] == 0


def test_its_maker_gets_403(tom, account):
    waits = tom("POST", "/v1/deposits", cash(account, 2000)).json["approval_id"]
    for end in ("grant", "refuse"):
        assert code(tom("POST", f"/v1/approvals/{waits}/{end}")) == (403, "own_approval")


def test_a_role_waits_for_a_second_admin(app, http, tess):
    users = app.extensions["accounts"].users
    for name in ("root", "rose"):
        users.add(name, users._passwords.hash(PASSWORD), role=Role.ADMIN)
    root, rose, ada = http.signed_in("root"), http.signed_in("rose"), http.joined("ada")
    user_id = ada("GET", "/v1/users/me").json["id"]
    answer = root("PUT", f"/v1/users/{user_id}/role", {"role": "teller"})
    assert answer.status_code == 202
    grant = f"/v1/approvals/{answer.json['approval_id']}/grant"
    assert code(tess("POST", grant)) == (403, "forbidden")
    assert ada("GET", "/v1/users/me").json["role"] == "customer"
    assert rose("POST", grant).json["role"] == "teller"
    assert ada("GET", "/v1/users/me").json["role"] == "teller"


def test_the_audit_trail_has_the_request_and_the_decision_without_personal_data(
    app, tom, tess, account
):
    asked = cash(account, 2000) | {"reference": "very private"}
    waits = tom("POST", "/v1/deposits", asked).json["approval_id"]
    tess("POST", f"/v1/approvals/{waits}/grant")
    app.extensions["accounts"].audit.close()
    text = Path("audit.log").read_text()
    events = [json.loads(line) for line in text.splitlines()]
    assert [each["event"] for each in events[-3:]] == [
        "approval_asked",
        "approval_granted",
        "deposit",
    ]
    assert events[-3]["asked"]["action"]["amount_minor"] == 2000
    assert "very private" not in text


def test_a_bank_proves_its_books_with_requests_in_them(http, tom, tess, account):
    waiting = tom("POST", "/v1/deposits", cash(account, 2000)).json["approval_id"]
    tom("POST", "/v1/deposits", cash(account, 3000))
    tess("POST", f"/v1/approvals/{waiting}/grant")
    assert http.signed_in(AUDITOR)("GET", "/v1/integrity").json["ok"] is True


@pytest.mark.parametrize(
    "settings",
    [
        {"FOUR_EYES_CASH_ABOVE_MINOR": {"EURO": 1}},
        {"FOUR_EYES_CASH_ABOVE_MINOR": {"EUR": -1}},
        {"APPROVAL_EXPIRES_S": 0},
        {"APPROVAL_EXPIRES_S": 30 * 24 * 3600 + 1},
    ],
)
def test_a_wrong_setting_stops_the_start(settings):
    with pytest.raises(SettingsError, match=next(iter(settings))):
        create_app(settings)


def test_a_request_expires_after_the_time_of_the_setting(passwords):
    staff = [{"username": name, "role": "teller", "password": PASSWORD} for name in ("tom", "tess")]
    given = {"STAFF": staff, "APPROVAL_EXPIRES_S": 60, "SANDBOX": True, "SANDBOX_OPEN": True}
    app = create_app(given | SETTINGS, passwords=passwords)
    http = Http(app)
    account = http.joined("ada").opened(500)
    waits = http.signed_in("tom")("POST", "/v1/deposits", cash(account, 2000)).json["approval_id"]
    assert http("POST", "/v1/sandbox/clock/advance", {"by": "PT60S"}).status_code == 200
    grant = http.signed_in("tess")("POST", f"/v1/approvals/{waits}/grant")
    assert code(grant) == (422, "approval_expired")
    app.extensions["accounts"].close()


@pytest.mark.parametrize("kind", ["deposits", "withdrawals"])
def test_a_key_leads_to_the_payment_that_a_grant_recorded(tom, tess, account, kind):
    assert tom("POST", "/v1/deposits", cash(account, 1000)).status_code == 201
    waits = tom("POST", f"/v1/{kind}", cash(account, 1001), key="k").json
    assert tom("GET", f"/v1/{kind}?idempotency_key=k").json["data"] == []
    assert tess("POST", f"/v1/approvals/{waits['approval_id']}/grant").status_code == 200
    (found,) = tom("GET", f"/v1/{kind}?idempotency_key=k").json["data"]
    assert (found["amount_minor"], found["status"]) == (1001, "recorded")
