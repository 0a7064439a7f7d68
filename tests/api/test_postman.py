"""The Postman collection, the routes and the contract say the same."""

import json
import re
from contextlib import suppress

import pytest
from werkzeug.exceptions import HTTPException

from tests.gates.test_root_names import ROOT

FILE = ROOT / "Accounts.postman_collection.json"

CHECK = re.compile(r"pm\.test\(\"(?P<status>\d{3})(?: (?P<code>\w+))?\", (?P<what>.*)")


@pytest.fixture(scope="module")
def collection() -> dict:
    return json.loads(FILE.read_text())


@pytest.fixture
def requests(collection) -> list[dict]:
    return [each for folder in collection["item"] for each in folder["item"]]


@pytest.fixture
def document(app) -> dict:
    return app.test_client().get("/openapi.json").json


def address_of(request) -> str:
    return request["request"]["url"]["raw"].removeprefix("{{base_url}}")


def path_of(request) -> str:
    return re.sub(r"{{\w+}}", "x", address_of(request).partition("?")[0])


def script_of(request) -> str:
    (script,) = [event["script"] for event in request["event"] if event["listen"] == "test"]
    return "\n".join(script["exec"])


def expected_of(request) -> tuple[int, str | None]:
    found = CHECK.match(script_of(request))
    assert found, f"{request['name']}: the first check is of the status"
    return int(found["status"]), found["code"]


def succeeds(request) -> bool:
    return expected_of(request)[0] < 400


def rule_of(app, request):
    adapter = app.url_map.bind("bank")
    with suppress(HTTPException):
        return adapter.match(path_of(request), request["request"]["method"], return_rule=True)[0]
    return None


def operation_of(app, request) -> tuple[str, str] | None:
    rule = rule_of(app, request)
    if rule is None:
        return None
    return request["request"]["method"].lower(), re.sub(r"<(\w+)>", r"{\1}", rule.rule)


def operations(document) -> dict[tuple[str, str], dict]:
    """Return each operation by its method and path, with its shared responses in place."""
    named = document["components"]["responses"]

    def whole(described: dict) -> dict:
        responses = described["responses"].items()
        places = {status: each.get("$ref", "").rpartition("/")[2] for status, each in responses}
        return described | {
            "responses": {status: named.get(places[status], each) for status, each in responses}
        }

    return {
        (method, path): whole(described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    }


def test_it_can_be_imported_and_points_at_a_bank_on_this_machine(collection):
    assert collection["info"]["schema"].endswith("/v2.1.0/collection.json")
    variables = {each["key"]: each["value"] for each in collection["variable"]}
    assert variables["base_url"] == "http://localhost:5000"


def test_its_variables_are_all_used(collection):
    text = FILE.read_text()
    used = set(re.findall(r"{{(\w+)}}", text))
    used |= set(re.findall(r'collectionVariables\.get\(\\"(\w+)\\"', text))
    assert used == {each["key"] for each in collection["variable"]}
    assert set(re.findall(r'collectionVariables\.set\(\\"(\w+)\\"', text)) <= used


def test_it_is_written_in_one_way_without_anybodys_ids(collection, requests):
    text = FILE.read_text()
    assert text == json.dumps(collection, indent=2) + "\n"
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-|_postman_id|_exporter_id|DE\d{20}", text)
    for request in requests:
        url = request["request"]["url"]
        query = "&".join(f"{each['key']}={each['value']}" for each in url.get("query", []))
        written = "/".join([*url["host"], *url["path"]]) + (query and f"?{query}")
        assert written == url["raw"], request["name"]


def test_every_folder_has_a_description(collection):
    assert all(folder["description"] for folder in collection["item"])


def test_every_request_has_a_name_of_its_own(requests):
    names = [request["name"] for request in requests]
    assert len(names) == len(set(names))


def test_every_request_is_checked_for_its_status_and_every_refusal_for_its_code(requests):
    for request in requests:
        script, (status, code) = script_of(request), expected_of(request)
        assert f"to.have.status({status})" in script, request["name"]
        assert (code is None) == succeeds(request), request["name"]
        assert code is None or f'code).to.equal("{code}")' in script, request["name"]


def test_every_answer_passes_the_common_checks(collection):
    (event,) = collection["event"]
    assert event["listen"] == "test"
    script = "\n".join(event["script"]["exec"])
    for part in ("below(500)", "X-Request-Id", "application/problem+json", "WWW-Authenticate"):
        assert part in script


def test_every_request_goes_to_a_route_or_expects_that_there_is_none(app, requests):
    unanswered = [each for each in requests if rule_of(app, each) is None]
    assert {each["name"]: expected_of(each) for each in unanswered} == {
        "A path that is not there": (404, "not_found"),
        "A method that is not there": (405, "method_not_allowed"),
    }


def test_every_route_is_walked(app, requests):
    walked = {rule.endpoint for each in requests if (rule := rule_of(app, each))}
    pages = {
        name
        for name, view in app.view_functions.items()
        if view.__module__.startswith("accounts_bank.web.")
    }
    assert app.view_functions.keys() - walked - pages == {"docs.static", "site.static"}


def test_every_operation_is_walked_with_success_unless_it_is_not_for_customers(
    app, document, requests
):
    walked = {operation_of(app, each) for each in requests}
    succeeded = {operation_of(app, each) for each in requests if succeeds(each)}
    assert operations(document).keys() - walked == set()
    assert operations(document).keys() - succeeded == {
        ("get", "/v1/approvals"),
        ("get", "/v1/approvals/{approval_id}"),
        ("post", "/v1/approvals/{approval_id}/grant"),
        ("post", "/v1/approvals/{approval_id}/refuse"),
        ("get", "/v1/audit"),
        ("post", "/v1/accounts/{account}/freeze"),
        ("post", "/v1/accounts/{account}/unfreeze"),
        ("put", "/v1/accounts/{account}/credit-limit"),
        ("put", "/v1/accounts/{account}/daily-limit"),
        ("get", "/v1/integrity"),
        ("get", "/v1/users"),
        ("get", "/v1/users/{user_id}"),
        ("put", "/v1/users/{user_id}/role"),
    }


def test_every_answer_that_is_expected_stands_in_the_contract(app, document, requests):
    for request in requests:
        described = operations(document).get(operation_of(app, request))
        if described is None:
            continue
        status, code = expected_of(request)
        response = described["responses"][str(status)]
        assert code is None or f"`{code}`" in response["description"], request["name"]


def test_a_successful_request_has_the_fields_and_parameters_of_the_contract(
    app, document, requests
):
    schemas, checked = document["components"]["schemas"], 0
    for request in requests:
        described = operations(document).get(operation_of(app, request))
        if described is None or not succeeds(request):
            continue
        known = {each["name"] for each in described["parameters"] if each["in"] == "query"}
        query = request["request"]["url"].get("query", [])
        assert {each["key"].partition("[")[0] for each in query} <= known, request["name"]
        raw = request["request"].get("body", {}).get("raw")
        assert (raw is not None) == ("requestBody" in described), request["name"]
        if raw is not None:
            content = described["requestBody"]["content"]["application/json"]
            schema = schemas[content["schema"]["$ref"].rpartition("/")[2]]
            fields = json.loads(raw).keys()
            assert set(schema["required"]) <= fields <= schema["properties"].keys()
            checked += 1
    assert checked > 15


def test_every_code_a_customer_can_cause_is_caused(requests):
    assert {expected_of(request)[1] for request in requests} >= {
        *("invalid_request", "invalid_token", "invalid_credentials", "forbidden", "not_found"),
        *("method_not_allowed", "username_taken", "unsupported_media_type", "key_reused"),
        *("same_account", "account_unknown", "account_closed", "currency_mismatch"),
        *("funds_insufficient", "limit_exceeded", "balance_not_zero", "accounts_open"),
        *("precondition_failed", "not_acceptable", "holds_open", "capture_too_large"),
        *("hold_captured", "hold_voided", "reversal_too_large"),
    }


def test_nothing_waits():
    assert not re.search(r"setTimeout|setInterval|sleep", FILE.read_text())
