"""The Postman collection, the routes and the contract say the same."""

import json
import re
from contextlib import suppress

import pytest
from werkzeug.exceptions import HTTPException

from tests.gates.test_root_names import ROOT


@pytest.fixture(scope="module")
def collection() -> dict:
    return json.loads((ROOT / "Accounts.postman_collection.json").read_text())


@pytest.fixture
def requests(collection) -> list[dict]:
    return [each for folder in collection["item"] for each in folder["item"]]


def path_of(request) -> str:
    raw = request["request"]["url"]["raw"].removeprefix("{{base_url}}")
    return re.sub(r"{{\w+}}", "x", raw.partition("?")[0])


def checks_of(request) -> str:
    (script,) = [event["script"] for event in request["event"] if event["listen"] == "test"]
    return "\n".join(script["exec"])


def endpoint_of(app, request) -> str | None:
    adapter = app.url_map.bind("bank")
    with suppress(HTTPException):
        return adapter.match(path_of(request), method=request["request"]["method"])[0]
    return None


def test_it_can_be_imported_and_points_at_a_bank_on_this_machine(collection):
    assert collection["info"]["schema"].endswith("/v2.1.0/collection.json")
    variables = {each["key"]: each["value"] for each in collection["variable"]}
    assert variables["base_url"] == "http://localhost:5000"
    text = json.dumps(collection)
    assert set(re.findall(r"{{(\w+)}}", text)) <= variables.keys()
    assert set(re.findall(r'collectionVariables\.\w+\(\\"(\w+)\\"', text)) <= variables.keys()


def test_every_request_has_a_name_of_its_own_and_is_checked(requests):
    names = [request["name"] for request in requests]
    assert len(names) == len(set(names))
    for request in requests:
        assert re.search(r"pm\.test\(\"\d{3}", checks_of(request)), request["name"]


def test_every_request_goes_to_a_route_or_expects_that_there_is_none(app, requests):
    unanswered = [each for each in requests if endpoint_of(app, each) is None]
    assert all(re.search(r"pm\.test\(\"40[45] ", checks_of(each)) for each in unanswered)
    assert [each["name"] for each in unanswered] == [
        "A path that is not there",
        "A method that is not there",
    ]


def test_every_route_is_walked(app, requests):
    walked = {endpoint_of(app, request) for request in requests}
    unwalked = {rule.endpoint for rule in app.url_map.iter_rules()} - walked
    assert unwalked == {"docs.static", "docs.begin"}


def test_every_operation_of_the_contract_is_walked_with_success_and_without(app, http, requests):
    statuses: dict[str, set[str]] = {}
    for request in requests:
        endpoint = endpoint_of(app, request)
        if endpoint:
            found = re.findall(r"pm\.test\(\"(\d)\d\d", checks_of(request))
            statuses.setdefault(endpoint.replace(".", "_"), set()).update(found)
    paths = http("GET", "/openapi.json").json["paths"]
    operations = [
        described["operationId"] for each in paths.values() for described in each.values()
    ]
    assert [name for name in operations if "2" not in statuses.get(name, set())] == [
        "audit_list_audit"
    ]
    assert "4" in statuses["audit_list_audit"]


def test_a_body_that_should_succeed_has_the_fields_of_the_contract(http, requests):
    paths = http("GET", "/openapi.json").json
    schemas, checked = paths["components"]["schemas"], 0
    for request in requests:
        raw = request["request"].get("body", {}).get("raw")
        method, path = request["request"]["method"].lower(), path_of(request)
        if raw is None or '"2' not in checks_of(request).split(",")[0]:
            continue
        described = paths["paths"].get(path) or paths["paths"][re.sub(r"/x$", "/{account}", path)]
        content = described[method]["requestBody"]["content"]["application/json"]
        properties = schemas[content["schema"]["$ref"].rpartition("/")[2]]["properties"]
        assert json.loads(raw).keys() <= properties.keys()
        checked += 1
    assert checked > 15


def test_every_code_a_customer_can_cause_is_caused(requests):
    text = "\n".join(checks_of(request) for request in requests)
    caused = set(re.findall(r'code: "(\w+)"', text))
    assert caused >= {
        *("invalid_request", "invalid_token", "invalid_credentials", "forbidden", "not_found"),
        *("method_not_allowed", "username_taken", "unsupported_media_type", "key_reused"),
        *("same_account", "account_unknown", "account_closed", "currency_mismatch"),
        *("funds_insufficient", "balance_not_zero", "accounts_open"),
    }
