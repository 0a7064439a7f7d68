"""A SQLite bank that was killed and lost a part of its files does not start, and says why."""

import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from accounts_bank.app import create_app
from accounts_bank.cli import main
from accounts_bank.errors import SettingsError
from tests.system.servers import Server, served
from tests.waiting import within

URL = "sqlite:///bank.db"
FILES = ["bank.db", "bank.db-wal", "bank.db-shm", "bank.db-use"]
PAYMENTS = 5


def pay(server: Server, token: str, account: str) -> str:
    """Pay in several times; return the id of the last deposit."""
    body = {"account": account, "amount_minor": 1, "currency": "EUR"}
    answers = [server.ask("POST", "/v1/deposits", body, token) for _ in range(PAYMENTS)]
    assert {status for status, _ in answers} == {201}
    return str(answers[-1][1]["id"])


def is_logged(entry_id: str) -> bool:
    return entry_id in Path("audit.log").read_text()


@pytest.fixture(scope="module")
def killed(tmp_path_factory, passwords) -> Path:
    """Kill a bank; return the folder of its files, with a copy of an earlier moment."""
    folder = tmp_path_factory.mktemp("killed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("ACCOUNTS_STORE_URL", URL)
        create_app(passwords=passwords).extensions["accounts"].close()  # the file has its tables
        with served() as server:
            token = server.joined("ada")
            account = server.opened(token, 100)
            pay(server, token, account)
            Path("early").mkdir()
            for each in FILES:
                shutil.copy(each, "early")
            last = pay(server, token, account)
            assert within(20, lambda: is_logged(last))
            server.stop(signal.SIGKILL)
    return folder


@pytest.fixture
def bank(killed, monkeypatch) -> None:
    shutil.copytree(killed, "bank")
    monkeypatch.chdir("bank")
    monkeypatch.setenv("ACCOUNTS_STORE_URL", URL)


def put_back(*names: str) -> None:
    for each in names:
        shutil.copy(f"early/{each}", each)


def delete(*names: str) -> None:
    for each in names:
        Path(each).unlink()


LOSSES: dict[str, tuple[Callable[[], None], str]] = {
    "the log is deleted": (lambda: delete("bank.db-wal"), "-wal, which has its newest entries"),
    "the log is older": (lambda: put_back("bank.db-wal"), "bank.db-wal has "),
    "the log and its index are deleted": (
        lambda: delete("bank.db-wal", "bank.db-shm"),
        "The store has lost entries that the audit log ",
    ),
    "all files beside it are deleted": (
        lambda: delete("bank.db-wal", "bank.db-shm", "bank.db-use"),
        "The store has lost entries that the audit log ",
    ),
    "the database is older": (
        lambda: put_back(*FILES),
        "The store has lost entries that the audit log ",
    ),
}


@pytest.mark.usefixtures("bank")
@pytest.mark.parametrize("loss", LOSSES)
def test_a_bank_that_lost_confirmed_entries_neither_starts_nor_is_called_right(loss, passwords):
    lose, sentence = LOSSES[loss]
    lose()
    with pytest.raises(SettingsError, match=sentence) as refused:
        create_app({"STORE_URL": URL}, passwords=passwords)
    assert re.search("Restore a newer backup|Put it back", str(refused.value))
    verified = CliRunner().invoke(main, ["verify"])
    assert verified.exit_code in {1, 2}, verified.output
    assert "The books are right" not in verified.output


@pytest.mark.usefixtures("bank")
def test_a_bank_that_was_killed_starts_by_itself(passwords):
    create_app({"STORE_URL": URL}, passwords=passwords).extensions["accounts"].close()
    assert CliRunner().invoke(main, ["verify"]).exit_code == 0
