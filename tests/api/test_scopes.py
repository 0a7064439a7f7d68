"""Each operation has a decision: the one scope that opens it to keys, or none."""

import pytest

from accounts_bank.api.registry import OPERATIONS, SANDBOX_OPERATIONS
from accounts_bank.identity import Scope
from tests.api.test_api_keys import made
from tests.api.test_attacks_on_access import app, body_of, rules  # noqa: F401 - a fixture
from tests.helpers import Http, code

OPENS = {
    Scope.ACCOUNTS_READ: {
        "GET /v1/accounts",
        "GET /v1/accounts/<account>",
        "GET /v1/accounts/<account>/lines",
        "GET /v1/accounts/<account>/statement",
        "GET /v1/accounts/<account>/statement.csv",
        "GET /v1/accounts/<account>/statement.xml",
        "GET /v1/accounts/<account>/balance",
    },
    Scope.ACCOUNTS_WRITE: {
        "POST /v1/accounts",
        "PATCH /v1/accounts/<account>",
        "DELETE /v1/accounts/<account>",
    },
    Scope.PAYMENTS_READ: {
        "GET /v1/deposits",
        "GET /v1/deposits/<entry_id>",
        "GET /v1/withdrawals",
        "GET /v1/withdrawals/<entry_id>",
        "GET /v1/transfers",
        "GET /v1/transfers/<entry_id>",
        "GET /v1/transfers/<entry_id>/reversals",
        "GET /v1/reversals/<entry_id>",
        "GET /v1/holds",
        "GET /v1/holds/<entry_id>",
        "GET /v1/schedules",
        "GET /v1/schedules/<entry_id>",
        "GET /v1/schedules/<entry_id>/runs",
    },
    Scope.PAYMENTS_WRITE: {
        "POST /v1/deposits",
        "POST /v1/withdrawals",
        "POST /v1/transfers",
        "POST /v1/transfers/bulk",
        "POST /v1/transfers/<entry_id>/reversals",
    },
    Scope.HOLDS_WRITE: {
        "POST /v1/holds",
        "POST /v1/holds/<entry_id>/capture",
        "POST /v1/holds/<entry_id>/void",
    },
    Scope.EVENTS_READ: {"GET /v1/events"},
    Scope.SCHEDULES_WRITE: {"POST /v1/schedules", "DELETE /v1/schedules/<entry_id>"},
}
"""The allow-list. An operation that it lacks is closed to keys."""


def test_the_declarations_match_the_allow_list():
    declared: dict[Scope, set[str]] = {}
    for each in (*OPERATIONS, *SANDBOX_OPERATIONS):
        if each.scope is not None:
            declared.setdefault(each.scope, set()).add(f"{each.method} {each.path}")
    assert declared == OPENS


def test_an_operation_without_a_token_has_no_scope():
    assert not [each.path for each in OPERATIONS if each.scope and each.permission is None]


@pytest.mark.usefixtures("app")
def test_every_operation_opens_to_its_own_scope_alone(app, http):  # noqa: F811 - the fixture
    ada, tried = http.joined("ada"), 0
    one = {each: Http(app, made(ada, each)["secret"]) for each in Scope}
    rest = {each: Http(app, made(ada, *(set(Scope) - {each}))["secret"]) for each in Scope}
    for rule, method, operation in rules(app):
        if operation is None or operation.permission is None:
            continue
        path = rule.build(dict.fromkeys(rule.arguments, "x"))[1]
        body, scope = body_of(operation), operation.scope
        for caller in [rest[scope]] if scope else one.values():
            answer = caller(method, path, body)
            assert code(answer) == (403, "scope_missing"), (method, path)
            assert answer.json.get("scope") == scope
        if scope:
            answer = one[scope](method, path, body)
            assert answer.status_code != 403, (method, path)
        tried += 1
    assert tried > 50
