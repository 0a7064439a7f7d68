"""Podman, and the containers that it runs."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port
from tests.system.servers import Server
from tests.waiting import within

BASE = "python:3.11-slim"
START_TIMEOUT_S = 30
SEALED = [
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"),  # noqa: S108
    *("--security-opt", "no-new-privileges", "--pull=never", "--network", "host"),
]


class Podman:
    """Runs podman's commands over a storage of its own."""

    def __init__(self, program: str, folder: Path) -> None:
        self.command = [program, "--root", str(folder / "root"), "--runroot", str(folder / "run")]

    def tried(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments], capture_output=True, text=True, check=False
        )

    def __call__(self, *arguments: str) -> str:
        done = self.tried(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextmanager
    def running(self, image: str, *options: str) -> Iterator[tuple[str, Server]]:
        """Run a bank with a sealed root until the end of the block; give its id and a caller."""
        port = free_port()
        name = self("run", "--detach", *SEALED, "--env", f"PORT={port}", *options, image)
        server = Server(None, port)
        try:
            awaited(server, lambda: self.tried("logs", name).stderr)
            yield name, server
        finally:
            self("rm", "--force", "--time", "0", name)


def awaited(server: Server, why: Callable[[], str] = str) -> None:
    """Wait until a bank is ready; `why` returns its output where it never is."""
    assert within(START_TIMEOUT_S, lambda: _is_ready(server)), why()


def _is_ready(server: Server) -> bool:
    try:
        return server.ask("GET", "/health/ready")[0] == 200
    except OSError:
        return False
