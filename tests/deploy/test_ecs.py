"""The CloudFormation template for ECS, compared with AWS's published model, offline."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.validate import validate_parameters
from cfnlint.decode import cfn_yaml

from accounts_bank.config import load_settings
from tests.system.servers import ROOT

TEMPLATE = ROOT / "deploy/ecs/bank.yaml"
STACK: dict[str, Any] = json.loads(json.dumps(cfn_yaml.load(str(TEMPLATE))))
RESOURCES: dict[str, Any] = STACK["Resources"]
ECS = ServiceModel(Loader().load_service_model("ecs", "service-2"))
CALLS = {"AWS::ECS::TaskDefinition": "RegisterTaskDefinition", "AWS::ECS::Service": "CreateService"}
TASKS = [name for name, each in RESOURCES.items() if each["Type"] == "AWS::ECS::TaskDefinition"]
CALLED = [name for name, each in RESOURCES.items() if each["Type"] in CALLS]
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:bank-AbCdEf"


def resolved(value: Any) -> Any:
    """Replace the references that CloudFormation would resolve."""
    if "Ref" in value:
        return STACK["Parameters"].get(value["Ref"], {}).get("Default", value["Ref"])
    if "Fn::Sub" in value:
        return value["Fn::Sub"].replace("${Secrets}", SECRET).replace("${HostName}", "bank.example")
    return str(value["Fn::GetAtt"])


def as_call(value: Any, shape: Shape) -> Any:
    """Turn properties of a resource into parameters of the call that makes it."""
    if isinstance(value, dict) and value.keys() <= {"Ref", "Fn::Sub", "Fn::GetAtt"}:
        return resolved(value)
    if isinstance(shape, StructureShape):
        names = {name.lower(): name for name in shape.members}
        return {
            names[key.lower()]: as_call(each, shape.members[names[key.lower()]])
            for key, each in value.items()
        }
    if isinstance(shape, ListShape):
        return [as_call(each, shape.member) for each in value]
    if isinstance(shape, MapShape):
        return {key: as_call(each, shape.value) for key, each in value.items()}
    return value


def called(name: str) -> dict[str, Any]:
    """Give the parameters of the call that makes a resource."""
    resource = RESOURCES[name]
    shape = ECS.operation_model(CALLS[resource["Type"]]).input_shape
    parameters = dict(as_call(resource["Properties"], shape))
    if resource["Type"] == "AWS::ECS::Service":
        parameters["serviceName"] = name  # CloudFormation makes a name
    return parameters


def bank_of(task: str) -> dict[str, Any]:
    (bank,) = [each for each in called(task)["containerDefinitions"] if each["name"] == "bank"]
    return dict(bank)


def test_cfn_lint_finds_nothing():
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(TEMPLATE)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize(
    "name", [name for name, each in RESOURCES.items() if each["Type"] in CALLS]
)
def test_ecs_takes_the_parameters(name):
    shape = ECS.operation_model(CALLS[RESOURCES[name]["Type"]]).input_shape
    validate_parameters(called(name), shape)


@pytest.mark.parametrize("task", TASKS)
def test_the_bank_takes_its_settings_and_no_secret_stands_in_the_template(task):
    bank = bank_of(task)
    plain = {each["name"]: each["value"] for each in bank["environment"]}
    secret = {each["name"]: each["valueFrom"] for each in bank["secrets"]}
    assert secret.keys() == {"ACCOUNTS_STORE_URL", "ACCOUNTS_JWT_SECRET_KEY"}
    assert all(where.startswith(f"{SECRET}:") for where in secret.values())
    given = plain | {"ACCOUNTS_STORE_URL": "postgresql://database/bank"}
    settings = load_settings(environment=given | {"ACCOUNTS_JWT_SECRET_KEY": "0" * 32})
    assert settings.TRUSTED_HOSTS == ("bank.example",)
    attributes = RESOURCES["Edge"]["Properties"]["LoadBalancerAttributes"]
    (idle_s,) = [int(e["Value"]) for e in attributes if e["Key"] == "idle_timeout.timeout_seconds"]
    assert idle_s < settings.KEEP_ALIVE_S  # the balancer hangs up first


@pytest.mark.parametrize("task", TASKS)
def test_a_task_has_the_time_to_drain(task):
    bank = bank_of(task)
    (drain_s,) = [int(e["value"]) for e in bank["environment"] if e["name"] == "ACCOUNTS_DRAIN_S"]
    targets = RESOURCES["BankTargets"]["Properties"]
    notices_s = targets["HealthCheckIntervalSeconds"] * targets["UnhealthyThresholdCount"]
    assert notices_s < drain_s
    assert drain_s + 15 < bank["stopTimeout"] <= 120
    assert bank["readonlyRootFilesystem"]


def test_one_task_writes_the_audit_log_and_never_two():
    logs = {
        task: next(e["value"] for e in bank_of(task)["environment"] if "AUDIT_LOG" in e["name"])
        for task in TASKS
    }
    assert logs == {"BankTask": "", "AuditTask": "/data/audit.log"}
    service = called("AuditService")
    assert service["desiredCount"] == 1
    assert service["deploymentConfiguration"]["maximumPercent"] == 100


def test_a_bank_is_never_missed_while_others_are_replaced():
    deployment = called("BankService")["deploymentConfiguration"]
    assert deployment["minimumHealthyPercent"] == 100
    assert deployment["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
