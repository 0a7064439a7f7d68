"""The commands that call a running sandbox."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from accounts_bank.cli import main
from accounts_bank.sandbox_commands import COMMANDS
from accounts_bank.testing import Bank, LocalServer
from tests.gates.test_root_names import ROOT


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with closing(LocalServer()) as made:
        yield made


@pytest.fixture
def bank(server: LocalServer) -> Iterator[Bank]:
    with Bank(server=server, seed=1, now="2026-01-31T00:00:00Z") as made:
        yield made


@pytest.fixture
def accounts(bank: Bank) -> Callable[..., Any]:
    """Run a command at the bank; return its exit code and what it prints."""

    def run(*arguments: str, url: str = "") -> tuple[int, Any]:
        result = CliRunner().invoke(main, arguments, env={"SANDBOX_URL": url or bank.url})
        told = result.stdout
        return result.exit_code, msgspec.json.decode(told) if told else result.stderr

    return run


def test_the_clock_is_read_set_and_advanced(accounts, bank):
    ada, ben = bank.customer("ada", balance_minor=500), bank.customer("ben")
    ada.post("/v1/holds", ada.payment_to(ben, 1) | {"expires_in_s": 60})
    assert accounts("clock", "show")[1]["next_due"] == "2026-01-31T00:01:00Z"
    assert [each["kind"] for each in accounts("clock", "advance")[1]["fired"]] == ["hold"]
    assert accounts("clock", "advance", "P1M")[1]["now"] == "2026-02-28T00:01:00Z"
    assert accounts("clock", "advance", "2026-03-01T00:00:00Z")[1]["now"] == "2026-03-01T00:00:00Z"
    assert accounts("clock", "set", "running")[1]["mode"] == "running"


def test_a_refusal_is_a_sentence_and_exit_code_1(accounts):
    code, said = accounts("clock", "advance", "2026-01-01T00:00:00Z")
    assert (code, said) == (
        1,
        "Error: The bank's clock is later. Restore a snapshot to go back.\n",
    )


def test_faults_are_made_listed_and_deleted(accounts, bank):
    bank.customer("ada")
    made = accounts("faults", "add", "answer=503;retry_after_s=2", "--user", "ada", "--times", "2")
    assert made[1]["do"] == {"answer": 503, "retry_after_s": 2}
    accounts("faults", "add", "drop=after_commit", "--operation", "transfers_transfer")
    assert [each["times"] for each in accounts("faults", "list")[1]["data"]] == [2, 1]
    assert accounts("faults", "delete", made[1]["id"]) == (0, "")
    assert [each["do"] for each in bank.faults.all()] == [{"drop": "after_commit"}]
    accounts("faults", "delete")
    assert bank.faults.all() == []


def test_a_snapshot_is_taken_restored_downloaded_and_deleted(accounts, bank, tmp_path):
    before = bank.digest()
    assert accounts("snapshot", "take", "x")[1]["name"] == "x"
    bank.customer("eve")
    accounts("snapshot", "restore", "x")
    assert bank.digest() == before
    file = tmp_path / "x.snapshot"
    accounts("snapshot", "download", "x", str(file))
    assert b"accounts-bank snapshot" in file.read_bytes()
    accounts("snapshot", "delete", "x")
    code, said = accounts("snapshot", "restore", "x")
    assert (code, "has no /v1/sandbox/snapshots/x/restore" in said) == (1, True)


def test_a_bank_is_reset_to_its_seed(accounts, bank):
    before = bank.digest()
    bank.customer("eve")
    accounts("reset")
    assert bank.digest() == before


def test_a_missing_download_leaves_the_file_as_it_is(accounts, tmp_path):
    file = tmp_path / "kept"
    file.write_text("kept")
    assert accounts("snapshot", "download", "none", str(file))[0] == 1
    assert file.read_text() == "kept"


@pytest.mark.parametrize("url", ["http://localhost:1", "http://localhost:port", "nonsense"])
def test_a_bank_that_does_not_answer_is_named(accounts, url):
    code, said = accounts("reset", url=url)
    assert (code, f"{url} does not answer" in said) == (1, True)


def test_each_command_is_in_the_docs():
    documented = (ROOT / "docs/commands.md").read_text()
    for group in COMMANDS:
        for name in getattr(group, "commands", {"": None}):
            assert f"`accounts {group.name} {name}".strip() in documented
