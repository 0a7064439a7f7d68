"""Roles over HTTP: reading users and changing roles."""

import json
from pathlib import Path

import pytest

from accounts_bank.collections import permissions
from accounts_bank.collections.permissions import PERMISSIONS, Permission
from accounts_bank.identity import Role
from tests.api.test_accounts import walked
from tests.helpers import AUDITOR, PASSWORD, TELLER, code


@pytest.fixture
def root(app, http):
    """Sign in as the one admin."""
    users = app.extensions["accounts"].users
    users.add("root", users._passwords.hash(PASSWORD), role=Role.ADMIN)
    return http.signed_in("root")


def id_of(caller) -> str:
    return caller("GET", "/v1/users/me").json["id"]


def give(root, user_id: str, role: str):
    return root("PUT", f"/v1/users/{user_id}/role", {"role": role})


def test_a_role_counts_from_the_next_request_on(http, root):
    ada = http.joined("ada")
    assert code(ada("GET", "/v1/audit")) == (403, "forbidden")
    answer = give(root, id_of(ada), "auditor")
    assert (answer.status_code, answer.json["role"]) == (200, "auditor")
    assert ada("GET", "/v1/audit").status_code == 200
    assert give(root, id_of(ada), "customer").json["role"] == "customer"
    assert code(ada("GET", "/v1/audit")) == (403, "forbidden")


def test_a_changed_role_is_audited_with_its_admin(http, root):
    ada = http.joined("ada")
    give(root, id_of(ada), "teller")
    give(root, id_of(ada), "teller")
    lines = [json.loads(line) for line in Path("audit.log").read_text().splitlines()]
    (line,) = [each for each in lines if each["event"].startswith("role_changed")]
    assert line["event"] == "role_changed_to_teller"
    assert (line["user_id"], line["actor_id"]) == (id_of(ada), id_of(root))


def test_the_last_admin_stays_one(http, root):
    assert code(give(root, id_of(root), "customer")) == (409, "last_admin")
    assert give(root, id_of(root), "admin").status_code == 200
    ada = http.joined("ada")
    give(root, id_of(ada), "admin")
    assert give(ada, id_of(root), "customer").status_code == 200
    assert code(give(ada, id_of(ada), "teller")) == (409, "last_admin")
    assert code(give(root, id_of(ada), "teller")) == (403, "forbidden")


@pytest.mark.parametrize("body", [{}, {"role": "king"}, {"role": None}, {"role": "admin", "x": 1}])
def test_a_role_that_is_none_is_400(root, body):
    answer = root("PUT", f"/v1/users/{id_of(root)}/role", body)
    assert code(answer) == (400, "invalid_request")


def test_an_unknown_user_is_404(http, root):
    gone = http.joined("gone")
    user_id = id_of(gone)
    assert gone("DELETE", "/v1/users/me").status_code == 204
    for name in (user_id, "nobody", "01a20c45-61cc-703a-ae8c-42921291fd7f"):
        assert code(give(root, name, "teller")) == (404, "not_found")
        assert code(root("GET", f"/v1/users/{name}")) == (404, "not_found")


def test_the_staff_reads_any_user(http, root):
    ada = http.joined("ada")
    for caller in (root, http.signed_in(TELLER), http.signed_in(AUDITOR)):
        answer = caller("GET", f"/v1/users/{id_of(ada)}")
        assert answer.status_code == 200
        assert answer.json == ada("GET", "/v1/users/me").json


def test_the_list_has_each_user_once_and_no_deleted_user(http, root):
    names = [f"user{number}" for number in range(5)]
    callers = [http.joined(name) for name in names]
    assert callers[2]("DELETE", "/v1/users/me").status_code == 204
    for caller in (root, http.signed_in(AUDITOR)):
        for limit in (1, 2, 100):
            found = walked(caller, f"/v1/users?limit={limit}")
            shown = [each["username"] for each in found]
            assert {*shown[:2]} == {AUDITOR, TELLER}  # of the settings: their ids have no time
            assert shown[2:] == ["root", "user0", "user1", "user3", "user4"]
    assert "password" not in root("GET", "/v1/users").text


def test_a_user_is_looked_up_by_any_spelling_of_the_name(http, root):
    ada = http.joined("Ada")
    for caller in (root, http.signed_in(TELLER), http.signed_in(AUDITOR)):
        answer = caller("GET", "/v1/users?username=ADA")
        assert answer.json == {"data": [ada("GET", "/v1/users/me").json], "next_cursor": None}
        assert caller("GET", "/v1/users?username=bob").json["data"] == []


def test_a_teller_looks_one_up_and_gets_no_list(http):
    teller = http.signed_in(TELLER)
    assert code(teller("GET", "/v1/users")) == (403, "forbidden")


@pytest.mark.parametrize("query", ["cursor=x", "limit=0", "username=", "username=a%00", "name=x"])
def test_a_bad_query_is_400(root, query):
    assert code(root("GET", f"/v1/users?{query}")) == (400, "invalid_request")


def test_a_role_without_permissions_calls_no_operation(app, http, monkeypatch):
    teller = http.signed_in(TELLER)
    rows = {**PERMISSIONS, Role.TELLER: frozenset[Permission]()}
    monkeypatch.setattr(permissions, "PERMISSIONS", rows)
    called = 0
    for rule in app.url_map.iter_rules():
        operation = getattr(app.view_functions[rule.endpoint], "operation", None)
        if operation is not None and operation.permission is not None:
            path = rule.build(dict.fromkeys(rule.arguments, "x"))[1]
            assert code(teller(operation.method, path)) == (403, "forbidden"), path
            called += 1
    assert called > 40
