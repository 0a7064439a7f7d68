"""Starts of `accounts` without imports: a fork of a process that has imported the bank.

An `accounts` command takes most of its processor time to import its packages. So a `Popen` of it
asks one process for a fork (`tests/preloaded_server.py`), with the same arguments, folder,
environment and standard files. The new process is a child of the test, like any other.
"""

import atexit
import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

ACCOUNTS = Path(sys.executable).with_name("accounts")
SERVER = Path(__file__).with_name("preloaded_server.py")
COVERED_PROCESSES = "COVERAGE_PROCESS_CONFIG"
"""The variable by which coverage follows a test into the processes that it starts."""
BY_START = ("LD_", "PYTHON", "MALLOC_", "LC_", "LANG")
"""The beginnings of variables that a process reads before its first line of Python."""
PR_SET_CHILD_SUBREAPER = 36
IS_POSSIBLE = sys.platform == "linux" and sys.version_info < (3, 14)
"""Python 3.14 spawns workers: they import the first module of the process again."""

_really_start: Any = subprocess.Popen._execute_child  # type: ignore[attr-defined] # the one way of all starts


class Preloaded:
    """The process that forks."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", SERVER, str(theirs.fileno())],
                cwd="/",
                env=dict(environment),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        atexit.register(self._end)

    def start(
        self, arguments: Sequence[str], folder: str, environment: Mapping[str, str], fds: list[int]
    ) -> int:
        """Start a command as a child of this process; give its id."""
        request = {"arguments": arguments, "folder": folder, "environment": dict(environment)}
        with self._lock:
            _adopt(1)
            try:
                socket.send_fds(self._socket, [json.dumps(request).encode()], fds)
                return int(self._socket.recv(20))
            finally:
                _adopt(0)

    def _end(self) -> None:
        self._socket.close()
        self._process.wait()


class Starts:
    """The way in which tests start `accounts`."""

    def __init__(self) -> None:
        self.are_real = True
        self._preloaded: dict[tuple[tuple[str, str], ...], Preloaded] = {}

    def start(self, process: Any, *given: Any) -> None:
        """Start a process as `Popen._execute_child` does."""
        arguments, executable, before, close_fds, kept_fds, folder, environment, *_ = given
        is_plain = not (executable or before or kept_fds) and close_fds
        if self.are_real or not is_plain or not _is_accounts(arguments):
            _really_start(process, *given)
            return
        files = given[10:16]
        theirs = [n if fd == -1 else fd for n, fd in enumerate((files[0], files[3], files[5]))]
        variables = dict(os.environ if environment is None else environment)
        words, place = [str(each) for each in arguments], str(Path(folder or ".").absolute())
        process.pid = self._for(variables).start(words, place, variables, theirs)
        process._child_created = True
        process._close_pipe_fds(*files)

    def _for(self, environment: Mapping[str, str]) -> Preloaded:
        """Give the process with the same variables for the loader and the interpreter."""
        key = tuple(sorted(each for each in environment.items() if each[0].startswith(BY_START)))
        if key not in self._preloaded:
            left = {name: environment[name] for name in environment if name != COVERED_PROCESSES}
            self._preloaded[key] = Preloaded(left)
        return self._preloaded[key]


def _is_accounts(arguments: object) -> bool:
    return isinstance(arguments, list) and Path(arguments[0]) == ACCOUNTS


def _adopt(is_on: int) -> None:
    """Let this process adopt the children of ended processes below it."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, is_on, 0, 0, 0)


_starts = Starts()


def start_preloaded(*, is_on: bool) -> None:
    """Let each `Popen` of `accounts` fork from now on, where the system can; or start it anew."""
    _starts.are_real = not (is_on and IS_POSSIBLE)
    subprocess.Popen._execute_child = _start  # type: ignore[attr-defined] # the one way of all starts


def _start(process: Any, *given: Any) -> None:
    _starts.start(process, *given)
