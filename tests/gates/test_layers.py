"""The layers hold, and the check that says so sees each way of breaking them."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

# For each contract an import that breaks it.
BREACHES = {
    "Imports point down the layers: API, business, stores": (
        "stores/memory/stores.py",
        "accounts_bank.api",
    ),
    "The ledger is pure: it imports no other layer, no I/O, no clock, no randomness": (
        "ledger/decide.py",
        "time",
    ),
    "Business and stores import no HTTP package": ("collections/users.py", "flask"),
    "Only the metrics import prometheus_client": ("observability/observer.py", "prometheus_client"),
    "Only the stores import a database driver": ("collections/accounts.py", "sqlite3"),
    "The business layer imports the store contract and no store": (
        "collections/accounts.py",
        "accounts_bank.stores.memory",
    ),
    "The store contract imports no store": ("stores/base.py", "accounts_bank.stores.memory"),
    "The API and the pages import neither stores nor their contract": (
        "api/user_operations.py",
        "accounts_bank.stores.base",
    ),
}


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over the package that stands in a folder."""
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", code, "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "accounts_bank", tmp_path / "accounts_bank")
    return tmp_path


def test_the_layers_hold():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_contract_has_its_breach():
    assert [contract["name"] for contract in contracts_of(ROOT)] == list(BREACHES)


def contracts_of(root: Path) -> list[dict[str, Any]]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return list(project["tool"]["importlinter"]["contracts"])


@pytest.mark.parametrize("contract", BREACHES)
def test_a_breach_is_seen(copy, contract):
    file, module = BREACHES[contract]
    path = copy / "accounts_bank" / file
    path.write_text(f"{path.read_text()}\nimport {module}\n")
    done = lint(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{contract} BROKEN" in " ".join(done.stdout.split())


def test_the_business_layer_is_kept_from_every_store():
    contracts = {each["name"]: each for each in contracts_of(ROOT)}
    listed = contracts["The business layer imports the store contract and no store"]
    layers = contracts["The store contract imports no store"]["layers"]
    modules = {name.strip() for layer in layers for name in layer.split("|")} - {"base", "feed"}
    assert set(listed["forbidden_modules"]) == {f"accounts_bank.stores.{name}" for name in modules}


def test_no_import_is_excepted():
    assert not any("ignore_imports" in each for each in contracts_of(ROOT))
