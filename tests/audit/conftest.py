"""An audit log in a folder of its own."""

from collections.abc import Callable, Iterator

import pytest

from accounts_bank.audit.log import AuditLog
from tests.audit.writing import opened as opened_log

OpenLog = Callable[..., AuditLog]


@pytest.fixture
def open_log() -> Iterator[OpenLog]:
    """Open logs that are closed at the end."""
    opened = []

    def open_log(path: str = "audit.log", key: str | None = None) -> AuditLog:
        log = opened_log(path, key)
        opened.append(log)
        return log

    yield open_log
    for log in opened:
        log.close()


@pytest.fixture
def log(open_log: OpenLog) -> AuditLog:
    """Open a log."""
    return open_log()
