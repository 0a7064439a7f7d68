"""/v1/audit, /health, and the pages to read."""

import json
from pathlib import Path

import pytest

from accounts_bank.api.problems import CATALOGUE
from accounts_bank.audit.files import verify_files
from tests.helpers import AUDITOR, PASSWORD, TELLER, code


def test_the_audit_trail_lists_the_events(http):
    ada = http.joined("ada")
    account = ada.opened(100)
    ada.transfer(account, account, 5, key="kept")
    http("POST", "/v1/auth/login", {"username": "ada", "password": "wrong"})
    auditor = http.signed_in(AUDITOR)
    lines = auditor("GET", "/v1/audit?limit=100").json["data"]
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    told = [line["event"] for line in lines]
    assert told == [
        "user_registered",
        "user_registered",
        "user_registered",
        "login",
        "account_opened",
        "deposit",
        "transfer",
        "login_failed",
        "login",
    ]
    assert lines[6]["outcome"] == "same_account"
    assert verify_files([Path("audit.log")]) == (len(lines), None)
    first, *logged = [json.loads(line) for line in Path("audit.log").read_text().splitlines()]
    assert (first["number"], first["event"]) == (0, "log_opened")
    assert [{k: v for k, v in line.items() if k != "seal"} for line in logged] == lines


def test_the_audit_trail_is_in_the_file_before_the_answer(http):
    ada = http.joined("ada")
    account = ada.opened()
    body = {"account": account["id"], "amount_minor": 5, "currency": "EUR"}
    made = ada("POST", "/v1/deposits", body).json
    assert json.loads(Path("audit.log").read_text().splitlines()[-1])["id"] == made["id"]


def test_pages_of_the_audit_trail_join(http):
    for number in range(5):
        http.joined(f"user{number}")
    auditor = http.signed_in(AUDITOR)
    found, path = [], "/v1/audit?limit=4&after=3"
    while path:
        answer = auditor("GET", path).json
        found += [line["number"] for line in answer["data"]]
        cursor = answer["next_cursor"]
        path = cursor and f"/v1/audit?limit=4&cursor={cursor}"
    assert found == list(range(4, 14))
    assert auditor("GET", "/v1/audit?after=1000").json == {"data": [], "next_cursor": None}


def test_the_self_check_proves_the_books(http):
    ada = http.joined("ada")
    account = ada.opened(100)
    ada.transfer(account, account, 5, key="kept")
    report = http.signed_in(AUDITOR)("GET", "/v1/integrity")
    assert report.status_code == 200
    assert report.json | {"audit_lines": 0} == {
        "ok": True,
        "fault": None,
        "accounts": 2,
        "customers": 1,
        "lines": 2,
        "entries": 3,
        "audit_lines": 0,
        "sums_minor": {"EUR": 0},
    }


def test_the_self_check_names_the_fault(app, http):
    http.joined("ada").opened(100)
    store = app.extensions["accounts"].accounts._store._store._store
    store._lines.popitem()
    report = http.signed_in(AUDITOR)("GET", "/v1/integrity").json
    assert (report["ok"], "it counts 1" in report["fault"]) == (False, True)


def test_one_self_check_at_a_time(app, http):
    with app.extensions["accounts"].verifier._lock:
        answer = http.signed_in(AUDITOR)("GET", "/v1/integrity")
    assert code(answer) == (503, "unavailable")
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize("role", [TELLER, None])
def test_only_an_auditor_reads_the_audit_trail(http, role):
    caller = http.signed_in(role) if role else http.joined("ada")
    assert code(caller("GET", "/v1/audit")) == (403, "forbidden")


def test_a_bank_is_live_and_ready(http):
    assert http("GET", "/health/live").json == {"status": "live"}
    assert http("GET", "/health/ready").json == {"status": "ready"}


def test_a_bank_that_cannot_write_its_audit_log_is_not_ready_and_recovers(app, http, monkeypatch):
    ada = http.joined("ada")
    sealer = app.extensions["accounts"].audit

    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sealer.log, "writing", full)
    account = ada.opened(5)
    answer = http("GET", "/health/ready")
    assert code(answer) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    monkeypatch.undo()
    ada.transfer(account, account, 1, key="kept")
    assert http("GET", "/health/ready").status_code == 200
    told = [json.loads(line)["event"] for line in Path("audit.log").read_text().splitlines()]
    assert told[-3:] == ["account_opened", "deposit", "transfer"]


def test_a_bank_that_cannot_do_due_work_warns_and_answers(app, http):
    app.extensions["accounts"].runner.close()
    runner = app.extensions["accounts"].due_work
    runner.failing = True
    answer = http("GET", "/health/ready")
    assert (answer.status_code, answer.json["status"]) == (200, "ready")
    assert "Due work" in answer.json["warning"]
    assert "accounts_due_failing 1.0" in http("GET", "/metrics").text
    runner.failing = False
    assert "accounts_due_failing 0.0" in http("GET", "/metrics").text


def test_the_contract_can_be_read_in_a_browser_without_anything_from_outside(http):
    page = http("GET", "/docs")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "http://" not in page.text
    assert "https://" not in page.text
    for path in ("swagger-ui/swagger-ui-bundle.js", "swagger-ui/swagger-ui.css", "docs.js"):
        assert f"/docs/static/{path}" in page.text
        assert http("GET", f"/docs/static/{path}").status_code == 200


def test_every_code_is_explained_on_a_page(http):
    page = http("GET", "/docs/errors").text
    for name in CATALOGUE:
        assert f'id="{name}"' in page


def test_the_type_of_a_problem_is_where_it_is_explained(http):
    answer = http("GET", "/v1/users/me")
    path, _, fragment = answer.json["type"].partition("#")
    assert f'id="{fragment}"' in http("GET", path).text


def test_a_path_that_is_not_there_is_a_problem(http):
    assert code(http("GET", "/nowhere")) == (404, "not_found")
    answer = http("DELETE", "/v1/auth/login", {"username": "a", "password": PASSWORD})
    assert code(answer) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]
