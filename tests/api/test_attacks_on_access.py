"""A caller reaches no resource of another user and none outside its role."""

import re

import pytest

from accounts_bank.app import create_app
from accounts_bank.collections.permissions import may
from accounts_bank.identity import Role
from tests.gates.test_root_names import ROOT
from tests.helpers import AUDITOR, PASSWORD, TELLER, code

STRANGER = "stranger"
COLUMNS = (STRANGER, *Role)
PAYMENT = {"from_account": "x", "to_account": "y", "amount_minor": 1, "currency": "EUR"}


@pytest.fixture
def app(passwords):
    """Make a bank with every route: a sandbox that is not open."""
    staff = [{"username": name, "role": name, "password": PASSWORD} for name in (AUDITOR, TELLER)]
    made = create_app({"STAFF": staff, "SANDBOX": True}, passwords=passwords)
    yield made
    made.extensions["accounts"].close()


def table() -> dict[str, set[str]]:
    """Return the table of docs/roles.md: each call and its roles."""
    rows = re.findall(
        r"^\| `([^`]+)`[^|]*\|(.*)\|$", (ROOT / "docs/roles.md").read_text(), re.MULTILINE
    )
    cells = {call: [cell.strip() for cell in row.split("|")] for call, row in rows}
    assert {cell for row in cells.values() for cell in row} == {"yes", "no"}
    return {
        call: {column for column, cell in zip(COLUMNS, row, strict=True) if cell == "yes"}
        for call, row in cells.items()
    }


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
        **PAYMENT,
        "role": "teller",
        "credit_limit_minor": 1,
        "daily_limit_minor": 1,
        "transfers": [PAYMENT],
        "first_at": "2999-01-01",
        "every": "day",
        "mode": "real",
        "to": "x",
        "scopes": ["accounts:read"],
        "do": {"delay_ms": 0},
    }
    if operation.body is None:
        return None
    required = [each.encode_name for each in _fields(operation.body) if each.required]
    if operation.body.needs_a_field:
        required = [_fields(operation.body)[0].encode_name]
    fields = {name: known[name] for name in required}
    if operation.body.needs_a_field:
        fields = {"name": known["name"]}
    return fields | {"mode": "each"} if "transfers" in fields else fields


def _fields(kind):
    from msgspec.structs import fields

    return fields(kind)


def columns_of(operation) -> list[str]:
    """Return the columns of the table that may call an operation."""
    if operation.permission is None:
        return list(COLUMNS)
    return [role for role in Role if may(role, operation.permission)]


def test_every_route_below_v1_has_a_row_of_roles(app):
    found = [(rule.rule, operation) for rule, _, operation in rules(app)]
    assert len(found) > 20
    for path, operation in found:
        assert (operation is not None) == path.startswith("/v1/"), path


def test_the_table_of_roles_matches_the_routes(app):
    routes = {
        f"{method} {rule.rule}": set(columns_of(operation))
        for rule, method, operation in rules(app)
        if operation is not None
    }
    assert table() == routes


@pytest.mark.parametrize("column", COLUMNS)
def test_every_route_opens_to_the_roles_in_the_table_alone(app, http, column):
    users, tried = app.extensions["accounts"].users, 0
    for rule, method, operation in rules(app):
        if operation is None or operation.takes_refresh_token:
            continue
        caller = http
        if column != STRANGER:
            name = f"{column} {tried}"
            users.add(name, users._passwords.hash(PASSWORD), role=Role(column))
            caller = http.signed_in(name)
        path = rule.build(dict.fromkeys(rule.arguments, "x"))[1]
        query = "?username=x" if (method, path) == ("GET", "/v1/users") else ""
        answer = caller(method, path + query, body_of(operation))
        shut = (401, "invalid_token") if column == STRANGER else (403, "forbidden")
        if column in table()[f"{method} {rule.rule}"]:
            assert answer.status_code < 400 or code(answer) != shut, (method, path)
        else:
            assert code(answer) == shut, (method, path)
            header = answer.headers.get("WWW-Authenticate", "")
            assert header.startswith("Bearer") == (column == STRANGER)
        tried += 1
    assert tried > 20


def test_a_refresh_token_is_asked_for_where_it_is_taken(app, http):
    paths = [rule.rule for rule, _, each in rules(app) if each and each.takes_refresh_token]
    assert paths == ["/v1/auth/refresh"]
    assert code(http("POST", paths[0])) == (401, "invalid_token")
    assert code(http.joined("ada")("POST", paths[0])) == (401, "invalid_token")


def test_somebody_elses_things_are_as_unknown_as_none(app, http):
    ada, bob, eve = http.joined("ada"), http.joined("bob"), http.joined("eve")
    account, payee = ada.opened(100), bob.opened()
    cash = {"account": account["id"], "amount_minor": 1, "currency": "EUR"}
    transfer = ada.transfer(account, payee, 1).json["id"]
    payment = PAYMENT | {"from_account": account["id"], "to_account": payee["id"]}
    schedule = payment | {"first_at": "2999-01-01", "every": "day"}
    key = {"name": "shop", "scopes": ["accounts:read"]}
    theirs = {
        "deposits": ada("POST", "/v1/deposits", cash).json["id"],
        "withdrawals": ada("POST", "/v1/withdrawals", cash).json["id"],
        "transfers": transfer,
        "reversals": bob("POST", f"/v1/transfers/{transfer}/reversals").json["id"],
        "holds": ada("POST", "/v1/holds", payment).json["id"],
        "schedules": ada("POST", "/v1/schedules", schedule).json["id"],
        "accounts": account["id"],
        "users": ada("GET", "/v1/users/me/sessions").json["data"][0]["id"],
        "api-keys": ada("POST", "/v1/api-keys", key).json["id"],
    }
    tried = 0
    for rule, method, operation in rules(app):
        if operation is None or not rule.arguments or Role.CUSTOMER not in columns_of(operation):
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
    assert tried == 23
    assert ada("GET", f"/v1/accounts/{account['id']}").json["balance_minor"] == 100


def test_a_forbidden_act_of_a_teller_is_403_and_an_absent_thing_is_404(http):
    ada, teller = http.joined("ada"), http.signed_in(TELLER)
    account, payee = ada.opened(100), ada.opened()
    for name in (account["id"], account["number"], "nobody", "till-eur-0"):
        payment = PAYMENT | {"from_account": name, "to_account": payee["id"]}
        expected = (404, "not_found") if name in {"nobody", "till-eur-0"} else (403, "forbidden")
        for method, path, body in [
            ("PATCH", f"/v1/accounts/{name}", {"name": "Mine"}),
            ("DELETE", f"/v1/accounts/{name}", None),
            ("POST", "/v1/transfers", payment),
            ("POST", "/v1/transfers?dry_run=true", payment),
            ("POST", "/v1/holds", payment),
            ("POST", "/v1/schedules", payment | {"first_at": "2999-01-01", "every": "day"}),
        ]:
            assert code(teller(method, path, body)) == expected, (method, path, name)
    assert ada("GET", f"/v1/accounts/{account['id']}").json == account


@pytest.mark.parametrize("path", ["/v1/deposits", "/v1/withdrawals"])
def test_cash_needs_an_account_of_the_caller(http, path):
    account = http.joined("ada").opened(100)
    eve = http.joined("eve")
    said = []
    for name in (account["id"], account["number"], "nobody"):
        answer = eve("POST", path, {"account": name, "amount_minor": 1, "currency": "EUR"})
        assert code(answer) == (404, "not_found")
        said.append(answer.json | {"request_id": ""})
    assert said[0] == said[1] == said[2]
