"""Nobody reaches what belongs to somebody else, or what the role does not reach."""

import itertools

import pytest

from accounts.identity import Role
from tests.helpers import AUDITOR, PASSWORD, TELLER, code


def rules(app):
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method, getattr(app.view_functions[rule.endpoint], "operation", None)


def body_of(operation) -> dict | None:
    known = {
        "username": "eve",
        "password": PASSWORD,
        "full_name": "Eve",
        "current_password": "wrong password",
        "new_password": "battery staple",
        "name": "Main",
        "currency": "EUR",
        "account": "x",
        "from_account": "x",
        "to_account": "y",
        "amount_minor": 1,
    }
    if operation.body is None:
        return None
    required = [each.encode_name for each in _fields(operation.body) if each.required]
    return {name: known[name] for name in required}


def _fields(kind):
    from msgspec.structs import fields

    return fields(kind)


def test_every_route_below_v1_says_who_may_call_it(app):
    found = [(rule.rule, operation) for rule, _, operation in rules(app)]
    assert len(found) > 20
    for path, operation in found:
        assert (operation is not None) == path.startswith("/v1/"), path


def test_a_stranger_gets_401_wherever_a_token_is_asked_for(app, http):
    for rule, method, operation in rules(app):
        if operation is None or (operation.who is None and not operation.takes_refresh_token):
            continue
        path = rule.build(dict.fromkeys(rule.arguments, "x"))[1]
        answer = http(method, path, body_of(operation))
        assert code(answer) == (401, "invalid_token"), (method, path)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_role_too_low_gets_403_wherever_it_is_too_low(app, http):
    bank = app.extensions["accounts"]
    bank.users.add("root", bank.users._passwords.hash(PASSWORD), role=Role.ADMIN)
    http("POST", "/v1/users", {"username": "customer", "password": PASSWORD})
    names = {Role.ADMIN: "root", Role.AUDITOR: AUDITOR, Role.TELLER: TELLER}
    refused = 0
    for (rule, method, operation), role in itertools.product(rules(app), Role):
        if operation is None or operation.who is None:
            continue
        path = rule.build(dict.fromkeys(rule.arguments, "x"))[1]
        if path in {"/v1/auth/logout", "/v1/users/me"}:
            continue
        caller = http.signed_in(names.get(role, "customer"))
        answer = caller(method, path, body_of(operation))
        assert (answer.status_code == 403) == (role not in operation.who), (method, path, role)
        refused += answer.status_code == 403
    assert refused == 6 + 3  # the auditor changes nothing; the others read no audit trail


def test_somebody_elses_things_are_as_unknown_as_none(app, http):
    ada, bob, eve = http.joined("ada"), http.joined("bob"), http.joined("eve")
    account, payee = ada.opened(100), bob.opened()
    cash = {"account": account["id"], "amount_minor": 1, "currency": "EUR"}
    theirs = {
        "deposits": ada("POST", "/v1/deposits", cash).json["id"],
        "withdrawals": ada("POST", "/v1/withdrawals", cash).json["id"],
        "transfers": ada.transfer(account, payee, 1).json["id"],
        "accounts": account["id"],
    }
    tried = 0
    for rule, method, operation in rules(app):
        if operation is None or not rule.arguments:
            continue
        (argument,) = rule.arguments
        said = []
        names = [theirs[rule.rule.split("/")[2]], "01a20c45-61cc-703a-ae8c-42921291fd7f", "nobody"]
        for name in [*names, *([account["number"]] if argument == "account" else [])]:
            path = rule.build({argument: name})[1]
            answer = eve(method, path, body_of(operation))
            assert code(answer) == (404, "not_found"), (method, path)
            said.append(answer.json | {"request_id": ""})
        assert all(each == said[0] for each in said)
        tried += 1
    assert tried == 8
    assert ada("GET", f"/v1/accounts/{account['id']}").json["balance_minor"] == 99


@pytest.mark.parametrize("path", ["/v1/deposits", "/v1/withdrawals"])
def test_nobody_uses_somebody_elses_account_for_cash(http, path):
    account = http.joined("ada").opened(100)
    eve = http.joined("eve")
    said = []
    for name in (account["id"], account["number"], "nobody"):
        answer = eve("POST", path, {"account": name, "amount_minor": 1, "currency": "EUR"})
        assert code(answer) == (404, "not_found")
        said.append(answer.json | {"request_id": ""})
    assert said[0] == said[1] == said[2]
