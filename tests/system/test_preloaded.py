"""A preloaded start is like a real one: arguments, folder, environment, standard files, parent."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import preloaded
from tests.helpers import PASSWORD
from tests.preloaded import ACCOUNTS
from tests.system.servers import served

SQLITE: dict[str, Any] = {"ACCOUNTS_STORE_URL": "sqlite:///bank.db"}


@pytest.fixture(params=["real", "preloaded"], autouse=True)
def start(request) -> str:
    preloaded.start_preloaded(is_on=request.param == "preloaded")
    return request.param


def made(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(ACCOUNTS), "users", "create", "tess", "--role", "teller"]
    return subprocess.run(
        command, cwd=folder, env=os.environ | SQLITE, input=f"{PASSWORD}\n", text=True,
        capture_output=True, check=False,
    )  # fmt: skip


def test_a_command_has_its_folder_environment_input_and_output(tmp_path):
    done, again = made(tmp_path), made(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "tess is teller.\n", "")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == "Error: tess is taken: choose another name.\n"
    assert (tmp_path / "bank.db").exists()


def test_a_bank_is_a_child_of_the_test_and_leads_a_session(start):
    with served(**SQLITE) as server:
        pid, words = server.process.pid, Path(f"/proc/{server.process.pid}/stat").read_text()
        assert int(words.rpartition(")")[2].split()[1]) == os.getpid()
        assert os.getsid(pid) == pid
        command = Path(f"/proc/{pid}/cmdline").read_text()
        assert ("preloaded_server" in command) == (start == "preloaded" and preloaded.IS_POSSIBLE)
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
