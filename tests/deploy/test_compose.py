"""The Compose files: right by their specification, and with settings that the bank takes."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from accounts_bank.config import load_settings
from tests.programs import program
from tests.system.servers import ROOT

FOLDER = ROOT / "deploy/compose"
FILES = sorted(FOLDER.glob("*.yaml"))
CHECKER = Path(sys.executable).with_name("check-jsonschema")
ENVIRONMENT = {"DATABASE_PASSWORD": "a-password", "JWT_SECRET_KEY": "0" * 32}


def loaded(file: Path) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(file))


def banks() -> dict[str, dict[str, Any]]:
    """Return every service that is a bank, with its base, by file and name."""
    found = {}
    for file in FILES:
        for name, service in loaded(file)["services"].items():
            base = service.get("extends", {})
            if base.get("service") == "bank":
                common = loaded(FOLDER / base["file"])["services"]["bank"]
                both = common["environment"] | service["environment"]
                found[f"{file.name} {name}"] = common | service | {"environment": both}
    return found


BANKS = banks()


def filled_in(text: str) -> str:
    """Put the environment in, as Compose does."""
    return re.sub(r"\$\{(\w+):\?[^}]*}", lambda found: ENVIRONMENT[found[1]], text)


def test_every_file_is_right_by_the_compose_specification():
    command = [str(CHECKER), "--builtin-schema", "vendor.compose-spec", *map(str, FILES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_there_is_a_bank_alone_with_each_database_and_two_behind_a_balancer():
    assert list(BANKS) == [
        "balanced.yaml bank-1",
        "balanced.yaml bank-2",
        "bank.yaml bank",
        "mongo.yaml bank",
        "postgres.yaml bank",
    ]


@pytest.mark.parametrize("name", BANKS)
def test_the_settings_of_a_bank_are_taken(name):
    environment = {key: filled_in(text) for key, text in BANKS[name]["environment"].items()}
    taken = load_settings(environment=environment).STORE_URL
    assert taken == environment["ACCOUNTS_STORE_URL"]


@pytest.mark.parametrize("name", BANKS)
def test_a_bank_writes_to_its_volume_alone_and_has_the_time_to_end(name):
    bank = BANKS[name]
    assert bank["read_only"]
    assert bank["cap_drop"] == ["ALL"]
    assert bank["volumes"] == ["bank:/data"]
    assert bank["stop_grace_period"] == "20s"


def test_banks_that_share_a_database_share_their_secret_and_their_audit_log():
    first, second = BANKS["balanced.yaml bank-1"], BANKS["balanced.yaml bank-2"]
    assert first["environment"] == second["environment"]
    assert "ACCOUNTS_JWT_SECRET_KEY" in first["environment"]
    assert first["volumes"] == second["volumes"]


def test_haproxy_hangs_up_before_a_bank_does():
    haproxy = (ROOT / "deploy/haproxy/haproxy.cfg").read_text()
    (idle_s,) = re.findall(r"timeout http-keep-alive (\d+)s", haproxy)
    kept_s = int(BANKS["balanced.yaml bank-1"]["environment"]["ACCOUNTS_KEEP_ALIVE_S"])
    assert kept_s > 2 * int(idle_s)  # it keeps one as long for its client, and then for others


def test_every_volume_that_is_used_is_declared():
    for file in FILES:
        composed = loaded(file)
        for service in composed["services"].values():
            named = {volume.split(":")[0] for volume in service.get("volumes", [])}
            assert {name for name in named if not name.startswith(".")} <= set(composed["volumes"])


def test_podman_compose_reads_every_file():
    program("podman")  # podman-compose asks it for its version
    composer = Path(sys.executable).with_name("podman-compose")
    for file in FILES:
        done = subprocess.run(
            [composer, "--file", file, "config", "--quiet"],
            env=os.environ | ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", BANKS)
def test_the_metrics_have_a_port_that_is_not_published(name):
    _, _, port = BANKS[name]["environment"]["ACCOUNTS_METRICS_ADDRESS"].partition(":")
    assert port == "9464"
    assert not [each for each in BANKS[name].get("ports", []) if each.endswith(f":{port}")]
