"""A process that has imported the bank and runs one `accounts` command in each of its forks.

`tests/preloaded.py` starts it and sends the requests.
"""

import gc
import json
import os
import socket
import sys
import time
from importlib import import_module
from typing import Any

import coverage
from prometheus_client import values

from accounts_bank.collections import passwords

PRELOADED = (
    "accounts_bank.app",
    "accounts_bank.cli",
    "accounts_bank.server.serve",
    "accounts_bank.stores.mongo",
    "accounts_bank.stores.sql",
    "granian.server.mp",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
)
REQUEST_MAX_BYTES = 1 << 20


def main(requests: socket.socket) -> None:
    """Fork for each request; end with the test process. Return in the fork alone."""
    for name in PRELOADED:
        import_module(name)
    passwords.TIME_COST, passwords.MEMORY_KIB = 1, 8  # the least; real starts have the real cost
    gc.collect()
    gc.freeze()
    while True:
        text, fds, _, _ = socket.recv_fds(requests, REQUEST_MAX_BYTES, 3)
        if not text:
            os._exit(0)
        pid = _forked_twice()
        if not pid:
            requests.close()
            _become(json.loads(text), fds)
            return
        for fd in fds:
            os.close(fd)
        requests.send(str(pid).encode())


def _forked_twice() -> int:
    """Fork a process and give its id, or 0 in the process itself.

    Its parent ends at once, so that the test process adopts it.
    """
    reading, writing = os.pipe()
    between = os.fork()
    if not between:
        pid = os.fork()
        if pid:
            os.write(writing, str(pid).encode())
            os._exit(0)
        os.setsid()
    else:
        os.waitpid(between, 0)
    os.close(writing)
    pid = int(os.read(reading, 20)) if between else 0
    os.close(reading)
    return pid


def _become(request: dict[str, Any], fds: list[int]) -> None:
    """Take the files, the folder, the environment and the arguments of a new process."""
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    sys.argv = request["arguments"]
    sys.stdin, sys.stdout = _opened(0, sys.stdin), _opened(1, sys.stdout)
    sys.stderr = _opened(2, sys.stderr)
    _count()
    os.register_at_fork(after_in_child=_count)
    coverage.process_startup()


def _opened(number: int, before: Any) -> Any:
    """Open a standard file like the one before it; a terminal shows each line at once."""
    mode = "w" if number else "r"
    by_line = number == 2 or os.isatty(number)
    words = {"encoding": before.encoding, "errors": before.errors, "closefd": False}
    return open(number, mode, 1 if by_line else -1, **words)


def _count() -> None:
    """Share the metrics among workers where the environment says so, as at an import."""
    values.ValueClass = values.get_value_class()


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
    from accounts_bank.cli import main as accounts

    accounts()
