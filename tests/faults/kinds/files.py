"""Faults of the bank's files: its disk, its audit log, its syncs."""

import os
import re
import signal
import subprocess
from contextlib import suppress
from fcntl import LOCK_SH, flock
from pathlib import Path
from time import sleep

from tests.faults.databases import PostgresServer
from tests.faults.kinds.fault import Fault, ignoring_the_dead
from tests.waiting import within

LOOKS, LOOK_S = 400, 0.002
STRACE = ["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync"]
STRACE += ["-e", "inject=fsync,fdatasync:error=EIO", "-o", "/dev/null"]


class DiskFull(Fault):
    name = "the banks' disk is full"
    as_root = True
    lasts_s = 2.0

    def inject(self) -> None:
        self.rig.disk.fill()

    def heal(self) -> None:
        self.rig.disk.give_room()


class LogRotated(Fault):
    """`logrotate` renames the audit log and its parts."""

    name = "the audit log is rotated"
    lasts_s = 1.0

    def inject(self) -> None:
        log = self.host.folder / "audit.log"
        parts = sorted(log.parent.glob("audit.log.[0-9]*"), key=lambda each: int(each.suffix[1:]))
        for part in reversed(parts):
            part.rename(part.with_suffix(f".{int(part.suffix[1:]) + 1}"))
        if log.exists():
            log.rename(log.with_name("audit.log.1"))


class LogHeld(Fault):
    """A backup holds the lock of the audit log, as docs/operations.md says."""

    name = "a backup holds the audit log"
    lasts_s = 3.0

    def inject(self) -> None:
        self.file = (self.host.folder / "audit.log.head").open("rb")
        flock(self.file, LOCK_SH)

    def heal(self) -> None:
        self.file.close()


class SealerKilled(Fault):
    """The process that holds the lock of the audit log is killed."""

    name = "the sealer is killed"
    lasts_s = 0.5

    def inject(self) -> None:
        head = self.host.folder / "audit.log.head"
        with ignoring_the_dead():
            os.kill(self.holder(head), signal.SIGKILL)

    def holder(self, path: Path) -> int:
        """Return the process with the lock on a file, or any worker where none comes to have it."""
        workers = self.host.server.workers()
        pattern = re.compile(rf"FLOCK +ADVISORY +WRITE (\d+) \S+:{path.stat().st_ino} ")
        for _ in range(LOOKS):
            found = pattern.search(Path("/proc/locks").read_text())
            if found and int(found[1]) in workers:
                return int(found[1])
            sleep(LOOK_S)
        return self.random.choice(workers)


class SyncsFail(Fault):
    """fsync and fdatasync of a bank fail with EIO."""

    name = "a bank's syncs fail"
    programs = ("strace",)
    lasts_s = 2.0

    def pids(self) -> list[int]:
        return self.host.server.workers()

    def inject(self) -> None:
        pids = [part for pid in self.pids() for part in ("-p", str(pid))]
        self.strace = subprocess.Popen([*STRACE, *pids], stderr=subprocess.DEVNULL)

    def heal(self) -> None:
        self.strace.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.strace.wait(10)


class DatabaseSyncsFail(SyncsFail):
    """PostgreSQL ends at the first of them, and starts again."""

    name = "the database's syncs fail"
    stores = frozenset({"postgresql"})

    def pids(self) -> list[int]:
        assert isinstance(self.rig.database, PostgresServer)
        return self.rig.database.server.signal(0)

    def heal(self) -> None:
        super().heal()
        assert isinstance(self.rig.database, PostgresServer)
        server = self.rig.database.server
        if not within(5, server.is_running):
            server.start()


KINDS = [
    DiskFull,
    LogRotated,
    LogHeld,
    SealerKilled,
    SyncsFail,
    DatabaseSyncsFail,
]
