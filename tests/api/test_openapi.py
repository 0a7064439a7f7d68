"""The contract that is served: complete, and true whatever is sent."""

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import load_all_checks

from accounts.api.http import BODY_MAX_BYTES
from accounts.api.problems import CATALOGUE
from accounts.errors import ApiError, Refused, SettingsError
from accounts.ledger.values import Status
from tests.api.test_attacks_on_access import rules
from tests.gates.test_root_names import ROOT
from tests.helpers import AUDITOR, PASSWORD


def document(http) -> dict:
    answer = http("GET", "/openapi.json")
    assert answer.status_code == 200
    return answer.json


def operations(http):
    for path, methods in document(http)["paths"].items():
        for method, described in methods.items():
            yield method.upper(), path, described


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
            node = list(node.values())
        if isinstance(node, list):
            for each in node:
                yield from references(each)

    found = set(references(whole))
    names = {each.removeprefix("#/components/schemas/") for each in found}
    assert names == set(whole["components"]["schemas"])


def test_every_operation_says_what_may_go_wrong_and_how_to_sign_in(http):
    for _, path, described in operations(http):
        responses = described["responses"]
        assert {"400", "500"} <= responses.keys()
        assert ("401" in responses) == (bool(described["security"]) or "login" in path)
        for status, response in responses.items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"]


def subclasses(kind):
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


def test_every_error_has_a_code_a_status_and_a_meaning(http):
    page = http("GET", "/docs/errors").text
    codes = [each.code for each in subclasses(ApiError) if each not in {Refused, SettingsError}] + [
        status.value for status in Status if status is not Status.RECORDED
    ]
    assert len(codes) > 20
    for code in codes:
        entry = CATALOGUE[code]
        assert entry.status >= 400
        assert entry.meaning
        assert f'id="{code}"' in page


def test_every_code_that_an_operation_may_answer_stands_in_it(http):
    text = str([described["responses"] for _, _, described in operations(http)])
    unsaid = {code for code in CATALOGUE if f"`{code}`" not in text}
    # One needs more accounts than there can be; it is answered as 503 `unavailable`.
    assert unsaid == {"numbers_exhausted"}


def test_the_bound_that_is_told_is_the_bound():
    assert CATALOGUE["body_too_large"].meaning == "The body is past 1 MiB."
    assert BODY_MAX_BYTES == 2**20


def test_whatever_is_sent_is_answered_as_the_contract_says(app, http):
    load_all_checks()
    config = schemathesis.Config.from_path(ROOT / "schemathesis.toml")
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=config)
    described = [each.ok() for each in schema.get_all_operations()]  # type: ignore[union-attr]
    ada, auditor = http.joined("ada"), http.signed_in(AUDITOR)
    account, other = ada.opened(10**9), ada.opened(10**6)
    asked = []

    @given(data=st.data())
    @settings(
        max_examples=400,
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
            real = st.sampled_from([account["id"], other["number"]])
            for part in (case.path_parameters, case.body):
                for name in {"account", "from_account", "to_account"} & _keys(part):
                    part[name] = data.draw(real | st.just(part[name]))
            if case.path.endswith("/statement") and case.query:
                case.query.pop("to", None)  # before `from` it is 400, which no schema can say
        caller = auditor if case.path in {"/v1/audit", "/v1/integrity"} else ada
        headers = {"Authorization": f"Bearer {caller.token}"}
        answer = case.call_and_validate(headers=headers, excluded_checks=[])
        asked.append(answer.status_code)

    ask()
    assert len(asked) > 200
    assert {200, 201, 400, 404} <= set(asked)


def _has_float(body) -> bool:
    """JSON Schema calls 5.0 an integer; this bank does not."""
    return isinstance(body, dict) and any(isinstance(each, float) for each in body.values())


def _keys(part) -> set[str]:
    return set(part) if isinstance(part, dict) else set()


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
    wish = {"current_password": PASSWORD, "new_password": "battery staple"}
    assert ada("POST", "/v1/users/me/password", wish).status_code == 204
    assert ada("DELETE", "/v1/users/me").status_code == 204
