"""The routes of a sandbox exist in a sandbox alone, and its banks share nothing."""

import re
from contextlib import closing

import pytest

from accounts_bank.app import create_app
from tests.helpers import Http

BESIDE = re.compile(r"/(v1/)?(sandbox|banks)\b")


@pytest.fixture
def ordinary(passwords):
    admin = {"username": "alma", "role": "admin", "password": "correct horse"}
    made = create_app({"STAFF": [admin]}, passwords=passwords)
    with closing(made.extensions["accounts"]):
        yield made


def test_each_route_of_a_sandbox_is_unknown_without_one(app, ordinary):
    known = {rule.rule for rule in ordinary.url_map.iter_rules()}
    routes = {rule.rule for rule in app.url_map.iter_rules()} - known
    assert {rule for rule in routes if rule.startswith("/v1/")} >= {
        "/v1/sandbox/banks",
        "/v1/sandbox/clock/advance",
        "/v1/sandbox/faults",
        "/v1/sandbox/snapshots/<name>/restore",
    }
    callers = Http(ordinary), Http(ordinary).joined("ada"), Http(ordinary).signed_in("alma")
    for rule in sorted(routes):
        assert BESIDE.match(rule), rule
        path = re.sub("<[^>]*>", "x", rule)
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            for caller in callers:
                assert caller(method, path).status_code == 404, (method, path)


def test_the_header_of_a_fault_means_nothing_without_a_sandbox(ordinary):
    answer = Http(ordinary)("GET", "/health/live", headers={"Accounts-Fault": "answer=503"})
    assert answer.status_code == 200


def test_no_account_entry_hold_or_schedule_of_a_bank_is_found_in_another(bank, make):
    other = make(seed=8)
    sent = bank.send("ada", "ben", 1).json
    held = bank.hold("ada", "ben", 2, 60)
    account = bank.accounts["ada"]
    ids = {
        f"/v1/accounts/{account['id']}": 200,
        f"/v1/accounts/{account['id']}/lines": 200,
        f"/v1/transfers/{sent['id']}": 200,
        f"/v1/holds/{held['id']}": 200,
    }
    for path, status in ids.items():
        assert bank.people["ada"]("GET", path).status_code == status
        assert other.people["ada"]("GET", path).status_code == 404
        assert other.admin("GET", path).status_code in {403, 404}
    assert other.people["ada"]("GET", "/v1/transfers").json["data"] == []


def test_a_key_of_a_bank_is_unused_in_another(bank, make):
    other = make(seed=8)
    first = bank.send("ada", "ben", 1, key="order-7")
    second = other.send("ada", "ben", 2, key="order-7")
    assert (first.status_code, second.status_code) == (201, 201)
    assert "Idempotent-Replayed" not in second.headers
    assert bank.send("ada", "ben", 1, key="order-7").json["id"] == first.json["id"]


def test_a_clock_a_fault_and_a_snapshot_stay_in_their_bank(bank, make):
    other = make(seed=8)
    before = other.clock(), other.digest()
    bank.advance(by="P1M")
    bank.admin("PUT", "/v1/sandbox/snapshots/mine")
    fault = {"match": {"operation": "accounts_list_accounts"}, "do": {"answer": 503}}
    assert bank.admin("POST", "/v1/sandbox/faults", fault).status_code == 201
    assert (other.clock(), other.digest()) == before
    assert other.admin("POST", "/v1/sandbox/snapshots/mine/restore").status_code == 404
    assert other.people["ada"]("GET", "/v1/accounts").status_code == 200
    assert bank.people["ada"]("GET", "/v1/accounts").status_code == 503
