"""Banks that keep nothing of their own, beside the one that writes the audit log."""

import subprocess
from pathlib import Path

import pytest

from accounts_bank.config import load_settings
from accounts_bank.errors import SettingsError
from tests.system.servers import ACCOUNTS, served
from tests.waiting import within

SECRET = "a secret that all the hosts have, of 32 bytes"


@pytest.fixture
def hosts(postgres, tmp_path, monkeypatch):
    """Run a bank that writes the audit log and one that does not, each in a folder of its own."""
    shared = {
        "ACCOUNTS_STORE_URL": postgres.database("hosts"),
        "ACCOUNTS_JWT_SECRET_KEY": SECRET,
    }
    for name, text in shared.items():
        monkeypatch.setenv(name, text)
    for folder in ("writer", "other"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "other")
    with served(ACCOUNTS_AUDIT_LOG="") as other:
        monkeypatch.chdir(tmp_path / "writer")
        with served() as writer:
            yield writer, other
        monkeypatch.chdir(tmp_path / "other")


def is_told(event: str) -> bool:
    return f'"event":"{event}"' in Path("audit.log").read_text()


def test_one_host_writes_the_audit_log_for_entries_of_the_other(hosts):
    _writer, other = hosts
    token = other.joined("ada")
    other.opened(token, 100)
    assert within(30, lambda: is_told("deposit"))
    assert [path.name for path in Path("../other").iterdir()] == ["server.log"]
    proven = subprocess.run([ACCOUNTS, "verify"], capture_output=True, text=True, check=False)
    assert (proven.returncode, "The books are right." in proven.stdout) == (0, True)


def test_a_host_without_an_audit_log_proves_the_books_and_their_numbers(hosts, monkeypatch):
    _writer, other = hosts
    other.opened(other.joined("ada"), 100)
    monkeypatch.setenv("ACCOUNTS_AUDIT_LOG", "")
    proven = subprocess.run([ACCOUNTS, "verify"], capture_output=True, text=True, check=False)
    assert (proven.returncode, proven.stderr) == (0, "")
    assert "The books are right." in proven.stdout


def test_a_bank_in_memory_cannot_leave_its_audit_log_to_another():
    with pytest.raises(SettingsError, match="AUDIT_LOG is empty"):
        load_settings({"AUDIT_LOG": ""})
