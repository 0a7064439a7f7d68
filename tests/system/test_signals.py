"""Signals that a shell or logrotate sends: SIGUSR1 opens the log anew, SIGUSR2 does nothing."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.system.servers import served
from tests.waiting import within

LOG = Path("app.log")


def lines(path: Path) -> int:
    return path.read_text().count("/health/live") if path.exists() else 0


def open_files(processes: list[int]) -> set[str]:
    found = [fd for each in processes for fd in Path(f"/proc/{each}/fd").iterdir()]
    return {fd.resolve().name for fd in found}


@pytest.mark.parametrize("whom", ["first process", "workers"])
def test_a_renamed_log_is_left_at_sigusr1(whom):
    settings: dict[str, Any] = {
        "ACCOUNTS_STORE_URL": "sqlite:///bank.db",
        "ACCOUNTS_LOG_FILE": str(LOG),
    }
    with served("--workers", "2", **settings) as server:
        assert within(20, lambda: server.ask("GET", "/health/live") and lines(LOG))
        LOG.rename("app.log.old")
        targets = [server.process.pid] if whom == "first process" else server.workers()
        for each in targets:
            os.kill(each, signal.SIGUSR2)
            os.kill(each, signal.SIGUSR1)
        assert within(20, lambda: server.ask("GET", "/health/live") and lines(LOG))
        assert within(10, lambda: "app.log.old" not in open_files(server.workers()))
        assert server.stop() == 0
