"""A bank in a process of its own, served as the README says."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import msgspec

from tests.gates.test_root_names import ROOT
from tests.ports import await_free, free_port
from tests.preloaded import ACCOUNTS
from tests.waiting import within

START_TIMEOUT_S = 60
READY = 200
"""The status of `/health/ready` that a start waits for."""


class Server:
    """A running `accounts serve`, and a way to ask it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def ask(
        self, method: str, path: str, body: Any = None, token: str = "", **headers: str
    ) -> tuple[int, Any]:
        """Make one request over a connection of its own; answer status and JSON."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = msgspec.json.encode(body)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, msgspec.json.decode(text) if text else None
        finally:
            connection.close()

    def joined(self, username: str) -> str:
        """Sign up and sign in; answer the access token."""
        wish = {"username": username, "password": "correct horse"}
        assert self.ask("POST", "/v1/users", wish)[0] == 201
        status, tokens = self.ask("POST", "/v1/auth/login", wish)
        assert status == 200
        return str(tokens["access_token"])

    def opened(self, token: str, balance_minor: int = 0) -> str:
        """Open a EUR account and pay in; answer its id."""
        wish = {"name": "Main", "currency": "EUR"}
        status, account = self.ask("POST", "/v1/accounts", wish, token)
        assert status == 201
        if balance_minor:
            cash = {"account": account["id"], "amount_minor": balance_minor, "currency": "EUR"}
            assert self.ask("POST", "/v1/deposits", cash, token)[0] == 201
        return str(account["id"])

    def workers(self) -> list[int]:
        """Give the ids of the processes that serve."""
        main = self.process.pid
        return [
            int(each) for each in Path(f"/proc/{main}/task/{main}/children").read_text().split()
        ]

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; answer the exit code."""
        self.process.send_signal(how)
        return self.process.wait(20)


@contextmanager
def served(
    *arguments: str,
    command: str = "serve",
    port: int = 0,
    program: Sequence[str | Path] = (ACCOUNTS,),
    **environment: str,
) -> Iterator[Server]:
    """Run a bank in the current folder until the end of the block."""
    port = port or free_port()
    with Path("server.log").open("a") as log:
        process = subprocess.Popen(
            [*program, command, "--port", str(port), *arguments],
            env=os.environ | environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    server = Server(process, port)
    try:
        is_there = within(START_TIMEOUT_S, lambda: _is_ready_or_over(server))
        assert is_there and process.poll() is None, Path("server.log").read_text()  # noqa: PT018
        yield server
    finally:
        with suppress(subprocess.TimeoutExpired):
            process.terminate()
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        await_free(port)


def _is_ready_or_over(server: Server) -> bool:
    with suppress(OSError):
        return server.ask("GET", "/health/ready")[0] == READY
    return server.process.poll() is not None


__all__ = ["ACCOUNTS", "ROOT", "Server", "served"]
