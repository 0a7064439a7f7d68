"""The rig of a run: a database, one or two banks before it, and a wire before each of them."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from accounts_bank.collections.passwords import Passwords
from tests.faults.databases import Database, open_database
from tests.faults.disk import Disk, opened_disk
from tests.faults.people import STAFF
from tests.faults.wire import Wire
from tests.ports import await_free, free_port
from tests.system.servers import ACCOUNTS, Server
from tests.waiting import within

READY_TIMEOUT_S = 60.0
END_TIMEOUT_S = 25.0
SHIM = Path(__file__).parents[1] / "system" / "clock_shim.c"
SECRET = "a secret that all the hosts have, of 32 bytes"


class Host:
    """A bank of two workers in a folder of its own, started again on the same port."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder = folder
        self.settings = settings | {"CLOCK_OFFSET": str(folder / "clock")}
        self.server = Server(None, free_port())
        self.wire = Wire(self.server.port)

    @property
    def pid(self) -> int:
        return self.server.process.pid

    @property
    def pids(self) -> list[int]:
        """The first process and its workers."""
        with suppress(OSError):
            return [self.pid, *self.server.workers()]
        return [self.pid]

    def start(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self.server.process = subprocess.Popen(
                [ACCOUNTS, "serve", "--workers", "2", "--port", str(self.server.port)],
                cwd=self.folder,
                env=os.environ | self.settings,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def is_ready(self) -> bool:
        with suppress(OSError, ValueError):
            return self.server.ask("GET", "/health/ready")[0] == 200
        return False

    def is_running(self) -> bool:
        return self.server.process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to all processes of the bank."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def move_clock(self, ahead_s: int) -> None:
        """Set the system's clock of the bank ahead, in seconds; back with less than 0."""
        new = self.folder / "clock.new"
        new.write_text(str(ahead_s))
        new.rename(self.folder / "clock")

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.server.process.wait()
        await_free(self.server.port)

    def stop(self) -> int | None:
        """End it in order; give the exit code, None where it had to be killed."""
        self.server.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            return self.server.process.wait(END_TIMEOUT_S)
        self.kill()
        return None

    def ask(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run `accounts` beside the bank."""
        return subprocess.run(
            [ACCOUNTS, *command],
            cwd=self.folder,
            env=os.environ | self.settings,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )


class Rig:
    """Everything that faults may break."""

    def __init__(self, database: Database, disk: Disk, hosts: int) -> None:
        self.database, self.disk = database, disk
        settings = {
            "ACCOUNTS_STORE_URL": database.url,
            "ACCOUNTS_JWT_SECRET_KEY": SECRET,
            "ACCOUNTS_JWT_ACCESS_TOKEN_EXPIRES": "604800",  # a fault moves a clock by a day
            "ACCOUNTS_LOG_LEVEL": "WARNING",
            "ACCOUNTS_STAFF": json.dumps(_hashed(STAFF)),
            **_movable_clock(),
        }
        self.hosts: list[Host] = []
        for number in range(hosts):
            folder = disk.folder / f"host-{number}"
            folder.mkdir()
            self.hosts.append(Host(folder, settings))

    @property
    def first(self) -> Host:
        """The first of the hosts; each writes an audit log of its own."""
        return self.hosts[0]

    def start(self) -> None:
        for host in self.hosts:
            host.start()
            assert within(READY_TIMEOUT_S, host.is_ready), (host.folder / "server.log").read_text()

    def close(self, keep: Path | None = None) -> None:
        for host in self.hosts:
            if keep:
                name = f"{urlsplit(self.database.url).scheme}.{host.folder.name}.log"
                shutil.copy(host.folder / "server.log", keep / name)
            if host.server.process:
                host.signal(signal.SIGCONT)
                host.kill()
            host.wire.close()


@cache
def _clock_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="clock-")


@cache
def _movable_clock() -> dict[str, str]:
    """Compile the library that moves the clock of a process; give the setting that loads it."""
    if not shutil.which("gcc"):
        return {}
    library = Path(_clock_folder().name) / "clock.so"
    command = ["gcc", "-shared", "-fPIC", "-O2", "-o", str(library), str(SHIM), "-ldl"]
    subprocess.run(command, check=True)
    return {"LD_PRELOAD": str(library)}


def _hashed(staff: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the staff with the hashes of their passwords, so that no start waits for hashing."""
    passwords = Passwords()
    return [
        {
            "username": each["username"],
            "role": each["role"],
            "password_hash": passwords.hash(each["password"]),
        }
        for each in staff
    ]


@contextmanager
def opened_rig(store: str, keep: Path | None = None) -> Iterator[Rig]:
    """Start a database and its banks; end and remove them after the block.

    :param keep: a folder that gets the logs of the banks at the end
    """
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        disks = [stack.enter_context(opened_disk(folder / each)) for each in ("banks", "data")]
        database = open_database(store, disks[1])
        stack.callback(database.close)
        rig = Rig(database, disks[0], 1 if store == "sqlite" else 2)
        stack.callback(rig.close, keep)
        rig.start()
        yield rig
