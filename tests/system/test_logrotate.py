"""The audit log rotated by logrotate, with the lines that docs/operations.md gives it."""

import re
import subprocess
from pathlib import Path

from tests.programs import program
from tests.system.servers import ACCOUNTS, ROOT, served
from tests.waiting import within

PAGE = (ROOT / "docs/operations.md").read_text()


def rotated() -> None:
    (text,) = re.findall(r"^```\n(/data/audit\.log \{\n.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    Path("logrotate.conf").write_text(text.replace("/data", str(Path.cwd())))
    state = str(Path.cwd() / "state")
    command = [program("logrotate"), "--force", "--state", state, "logrotate.conf"]
    subprocess.run(command, check=True)


def is_told() -> bool:
    log = Path("audit.log")
    return log.exists() and '"event":"deposit"' in log.read_text()


def test_an_audit_log_that_was_rotated_twice_is_proven_with_its_parts(monkeypatch):
    monkeypatch.setenv("ACCOUNTS_STORE_URL", "sqlite:///bank.db")
    with served() as server:
        token = server.joined("ada")
        for _ in range(2):
            server.opened(token, 100)
            assert within(30, is_told)  # what was decided is sealed a moment later
            rotated()
        server.opened(token, 100)
        assert server.stop() == 0
    assert is_told()
    assert Path("audit.log.2").exists()
    proven = subprocess.run([ACCOUNTS, "verify"], capture_output=True, text=True, check=False)
    assert "The books are right." in proven.stdout
    log = subprocess.run([ACCOUNTS, "audit", "verify"], capture_output=True, text=True, check=False)
    whole = re.search(r"The audit log is whole: (\d+) lines", log.stdout)
    assert whole
    assert f"{whole[1]} lines of the audit log" in proven.stdout
