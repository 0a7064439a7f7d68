"""The OpenAPI document is complete and true for any request."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import load_all_checks

from accounts_bank.api.problems import CATALOGUE
from accounts_bank.api.registry import body_max_bytes
from accounts_bank.app import create_app
from accounts_bank.errors import UNTOLD, ApiError, NotDecided, Refused, SettingsError
from accounts_bank.ledger.values import Status
from tests.api.test_attacks_on_access import rules
from tests.gates.test_root_names import ROOT
from tests.helpers import AUDITOR, PASSWORD, TELLER, Http
from tests.rounds import rounds


def document(http) -> dict:
    answer = http("GET", "/openapi.json")
    assert answer.status_code == 200
    return answer.json


def operations(http):
    """Yield each operation, with its shared responses in place."""
    whole = document(http)
    named = whole["components"]["responses"]
    for path, methods in whole["paths"].items():
        for method, described in methods.items():
            responses = {
                status: named[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
                for status, each in described["responses"].items()
            }
            yield method.upper(), path, described | {"responses": responses}


def test_it_is_openapi_3_1_and_names_every_operation_once(http):
    assert document(http)["openapi"].startswith("3.1.")
    names = [described["operationId"] for _, _, described in operations(http)]
    assert len(names) == len(set(names))


def test_every_route_below_v1_stands_in_it(app, http):
    routes = {
        (method, rule.rule.replace("<", "{").replace(">", "}"))
        for rule, method, operation in rules(app)
        if operation is not None
    }
    assert {(method, path) for method, path, _ in operations(http)} == routes


def test_every_reference_leads_somewhere(http):
    whole = document(http)

    def references(node):
        if isinstance(node, dict):
            yield from [node["$ref"]] if "$ref" in node else []
            yield from node["mapping"].values() if "mapping" in node else []
            node = list(node.values())
        if isinstance(node, list):
            for each in node:
                yield from references(each)

    components = whole["components"]
    assert set(references(whole)) == {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "responses")
        for name in components[kind]
    }


def test_every_operation_lists_its_errors_and_its_security(http):
    for _, path, described in operations(http):
        responses = described["responses"]
        assert {"400", "500", "503"} <= responses.keys()
        assert ("401" in responses) == (bool(described["security"]) or "login" in path)
        for status, response in responses.items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"]


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Yield each object of a document."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from nodes(each)


def test_generators_of_clients_can_read_each_schema(passwords):
    app = create_app({"SANDBOX": True}, passwords=passwords)
    whole = document(Http(app))
    app.extensions["accounts"].close()
    for node in nodes(whole):
        if node.get("type") == "integer":
            assert node["format"] in {"int32", "int64"}, node
            assert "enum" in node or {"minimum", "maximum"} <= node.keys(), node
        assert not isinstance(node.get("enum"), list) or "type" in node, node
        assert node.get("default", 0) is not None, node
        assert "(?" not in str(node.get("pattern")), node
        assert "anyOf" not in node or "discriminator" not in node, node
    for schema in whole["components"]["schemas"].values():
        assert not any("default" in each for each in nodes(schema)), schema
        assert {"title", "description"} <= schema.keys(), schema
    assert all(each["description"] for each in whole["tags"])
    for _, path, described in operations(Http(app)):
        assert described["description"], path


def test_each_status_of_an_error_has_a_closed_set_of_codes(http):
    schemas = document(http)["components"]["schemas"]
    for _, _, described in operations(http):
        for status, response in described["responses"].items():
            if int(status) < 400:
                continue
            schema = response["content"]["application/problem+json"]["schema"]
            names = [each["$ref"].rpartition("/")[2] for each in schema.get("oneOf", [schema])]
            codes = [code for name in names for code in schemas[name]["properties"]["code"]["enum"]]
            assert codes == list(dict.fromkeys(codes))
            assert set(schema.get("discriminator", {}).get("mapping", codes)) == set(codes)
            assert {CATALOGUE[code].status for code in codes} == {int(status)}


def test_a_new_resource_links_to_the_operations_on_it(http):
    (made,) = [
        described["responses"]["201"]
        for _, _, described in operations(http)
        if described["operationId"] == "holds_create"
    ]
    assert set(made["links"]) == {"holds_read", "holds_capture", "holds_void"}


def test_a_client_that_has_the_document_is_told_so(http):
    etag = http("GET", "/openapi.json").headers["ETag"]
    assert http("GET", "/openapi.json", headers={"If-None-Match": etag}).status_code == 304


def subclasses(kind):
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


def test_every_error_has_a_code_a_status_and_a_meaning(http):
    page = http("GET", "/docs/errors").text
    codes = [
        each.code
        for each in subclasses(ApiError)
        if each not in {NotDecided, Refused} and not issubclass(each, SettingsError)
    ] + [status.value for status in Status if status not in {Status.RECORDED, *UNTOLD}]
    assert len(codes) > 20
    for code in codes:
        entry = CATALOGUE[code]
        assert entry.status >= 400
        assert entry.meaning
        assert f'id="{code}"' in page


def test_every_code_that_an_operation_may_answer_stands_in_it(passwords):
    app = create_app({"SANDBOX": True}, passwords=passwords)
    text = str([described["responses"] for _, _, described in operations(Http(app))])
    app.extensions["accounts"].close()
    unsaid = {code for code in CATALOGUE if f"`{code}`" not in text}
    assert unsaid == set()


def test_the_bound_that_is_told_is_the_bound():
    said = "Send 1 MiB or less: 4 MiB in a bulk, 64 KiB in a form."
    assert CATALOGUE["body_too_large"].meaning == said
    assert body_max_bytes("/v1/transfers") == 2**20
    assert body_max_bytes("/v1/transfers/bulk") == 4 * 2**20
    assert body_max_bytes("/sign-in") == 2**16


@pytest.mark.soak
def test_any_request_is_answered_within_the_contract(app, http):
    load_all_checks()
    config = schemathesis.Config.from_path(ROOT / "schemathesis.toml")
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=config)
    _end_patterns(schema.raw_schema)
    described = [each.ok() for each in schema.get_all_operations()]  # type: ignore[union-attr]
    ada = http.joined("ada")
    account, other = ada.opened(10**9), ada.opened(10**6)
    names = [account["id"], other["number"]]
    things = made_by(ada, account, other)
    asked: list[int] = []

    @given(data=st.data())
    @settings(
        max_examples=rounds(340, 2000),
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(data):
        operation, mode = data.draw(st.sampled_from(described)), data.draw(st.sampled_from(MODES))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if (case.method, case.path) in ENDS_THE_SESSION or _has_float(case.body):
            return
        if mode is schemathesis.GenerationMode.POSITIVE:
            for part in _objects([case.path_parameters, case.body]):
                for name in {"account", "from_account", "to_account"} & part.keys():
                    part[name] = data.draw(st.sampled_from(names) | st.just(part[name]))
                if "entry_id" in part:
                    real = st.sampled_from(things[case.path.split("/")[2]])
                    part["entry_id"] = data.draw(real | st.just(part["entry_id"]))
                if "first_at" in part:
                    part["first_at"] = "2999-01-01"  # in the past it is 400, which no schema says
            for first, last in (("from", "to"), ("min_minor", "max_minor")):
                if case.query and {first, last} <= case.query.keys():
                    case.query.pop(last)  # before the first one it is 400, which no schema can say
        caller = callers.get(case.path, ada)
        headers = {"Authorization": f"Bearer {caller.token}"}
        answer = case.call_and_validate(headers=headers, excluded_checks=[])
        asked.append(answer.status_code)

    auditor, teller = http.signed_in(AUDITOR), http.signed_in(TELLER)
    callers = dict.fromkeys(("/v1/audit", "/v1/integrity"), auditor)
    moves = ("freeze", "unfreeze", "credit-limit", "daily-limit")
    callers |= {f"/v1/accounts/{{account}}/{each}": teller for each in moves}
    ask()
    assert len(asked) > 200
    assert {200, 201, 400, 404} <= set(asked)


def made_by(ada, account, other) -> dict[str, list[str]]:
    """Make a few of each thing that has an id, from one account of Ada's to the other."""
    fields = {"from_account": account["id"], "to_account": other["id"], "amount_minor": 100}
    fields["currency"] = "EUR"
    cash = {"account": account["id"], "amount_minor": 100, "currency": "EUR"}
    schedule = fields | {"first_at": "2999-01-01", "every": "day"}
    wishes = {"transfers": fields, "holds": fields, "schedules": schedule}
    wishes |= {"deposits": cash, "withdrawals": cash}
    made = {
        where: [ada("POST", f"/v1/{where}", body).json["id"] for _ in range(5)]
        for where, body in wishes.items()
    }
    back = [ada("POST", f"/v1/transfers/{each}/reversals") for each in made["transfers"][:1]]
    return made | {"reversals": [each.json["id"] for each in back]}


def _end_patterns(document: dict[str, Any]) -> None:
    """Write `$` as Python understands it: there it matches before a last line feed too."""
    for node in nodes(document):
        if str(node.get("pattern")).endswith("$"):
            node["pattern"] = node["pattern"][:-1] + r"\Z"


def _objects(node) -> Iterator[dict]:
    """Return every object in a body."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _objects(each)


def _has_float(body) -> bool:
    """JSON Schema calls 5.0 an integer; this bank does not."""
    return any(isinstance(value, float) for part in _objects(body) for value in part.values())


MODES = list(schemathesis.GenerationMode)

ENDS_THE_SESSION = {
    ("POST", "/v1/auth/logout"),
    ("DELETE", "/v1/users/me"),
    ("POST", "/v1/users/me/password"),
    ("POST", "/v1/auth/refresh"),
}


def test_a_session_can_be_ended_as_the_contract_says(http):
    ada = http.joined("ada")
    ada.token, access = ada.refresh_token, ada.token
    assert ada("POST", "/v1/auth/refresh").status_code == 200
    ada.token = access
    fields = {"current_password": PASSWORD, "new_password": "battery staple"}
    assert ada("POST", "/v1/users/me/password", fields).status_code == 204
    assert ada("DELETE", "/v1/users/me").status_code == 204
