"""Operations: plain functions, and the files outside Python that name their paths."""

import ast
import re
from pathlib import Path

import pytest

from accounts_bank.api import account_operations, operations, registry, transfer_operations
from accounts_bank.api.operations import Operations
from accounts_bank.api.registry import FIXED, OPERATIONS
from accounts_bank.api.schemas.accounts import AccountRequest
from accounts_bank.collections.permissions import Permission
from accounts_bank.http.answers import Answer
from accounts_bank.http.guard import hashing_matcher
from accounts_bank.http.hosts import API_PREFIX
from accounts_bank.http.messages import BODY_MAX_BYTES
from accounts_bank.identity import Role
from tests.gates.test_root_names import ROOT
from tests.helpers import PASSWORD, TELLER


def imports(path: Path) -> set[str]:
    """Return the first names of the modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_no_module_of_operations_imports_flask():
    modules = {operation.run.__module__ for operation in OPERATIONS}
    assert len(modules) == 11
    files = [ROOT / f"{module.replace('.', '/')}.py" for module in modules]
    for file in [*files, Path(operations.__file__), Path(registry.__file__)]:
        assert not imports(file) & {"flask", "flask_jwt_extended"}, file


def test_an_operation_runs_without_a_request(app):
    bank = app.extensions["accounts"]
    user = bank.users.find(TELLER)[0]
    assert user.role == Role.TELLER
    caller = bank.users.caller(user.id, bank.users.login(TELLER, PASSWORD)[1].id)
    answer = account_operations.open_account(bank, caller, AccountRequest("Main", "EUR"))
    assert (answer.status, answer.location) == (201, f"/v1/accounts/{answer.value.id}")
    assert ("Location", answer.location) in answer.headers()


def test_an_operation_takes_the_parts_of_its_path_and_known_arguments():
    def unknown(*, request) -> Answer: ...
    def forgets_the_path(*, bank) -> Answer: ...

    for run in (unknown, forgets_the_path):
        declare = Operations("x", "/v1/x").declare("GET", "/<entry_id>", "X", permission=None)
        with pytest.raises(TypeError, match="must take"):
            declare(run)


def test_the_server_finds_each_operation_with_its_own_thread_or_body_by_path_alone():
    special = [
        operation
        for operation in OPERATIONS
        if operation.is_fast_payment or operation.body_max_bytes != BODY_MAX_BYTES
    ]
    assert len(special) == 5
    assert {(each.method, each.path) for each in special} <= FIXED.keys()
    assert all(each.method == "POST" for each in special)


def test_every_operation_stands_below_the_prefix():
    assert all(operation.path.startswith(API_PREFIX) for operation in OPERATIONS)


def test_every_operation_that_reads_a_password_hashes_it(app):
    reads = {
        operation.path: operation
        for operation in OPERATIONS
        if operation.body and any("password" in name for name in operation.body.__struct_fields__)
    }
    assert reads.keys() == {each.path for each in OPERATIONS if each.hashes_password}
    hashes = hashing_matcher(app)
    for path in reads:
        assert hashes({"REQUEST_METHOD": "POST", "PATH_INFO": path.replace("<user_id>", "7")})


def test_haproxy_sends_again_with_a_key_exactly_the_operations_that_take_one():
    text = (ROOT / "deploy/haproxy/haproxy.cfg").read_text()
    (pattern,) = re.findall(r"acl money path_reg (\S+)", text)
    posts = [operation for operation in OPERATIONS if operation.method == "POST"]
    matched = {operation.path for operation in posts if re.search(pattern, operation.path)}
    assert matched == {operation.path for operation in posts if operation.is_money}


def test_ecs_routes_audit_reads_to_the_host_with_the_log():
    text = (ROOT / "deploy/ecs/bank.yaml").read_text()
    audits = {Permission.READ_AUDIT, Permission.PROVE}
    paths = {operation.path for operation in OPERATIONS if operation.permission in audits}
    assert set(re.findall(r"- (/v1/\S+)", text)) == paths


@pytest.mark.parametrize("name", ["prometheus/alerts.yml", "grafana/accounts.json"])
def test_alerts_and_dashboards_name_routes_that_exist(name):
    text = (ROOT / "deploy" / name).read_text().replace('\\"', '"')
    patterns = re.findall(r'route=~?"(/v1/[^"]*)"', text)
    assert patterns
    for pattern in patterns:
        options = re.search(r"\((.*)\)", pattern)
        names = options[1].split("|") if options else [""]
        for option in names:
            path = pattern.replace(options[0], option) if options else pattern
            assert ("POST", path) in FIXED, path


def test_payments_that_the_ledger_records_alike_share_the_refusals():
    codes = {each.path: set(each.codes) for each in OPERATIONS if each.is_fast_payment}
    assert set(transfer_operations.PAYMENT_CODES) <= codes["/v1/transfers"] & codes["/v1/holds"]
