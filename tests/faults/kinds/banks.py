"""Faults of the banks' processes."""

import os
import resource
import signal
from pathlib import Path
from threading import Event, Thread
from time import sleep

from tests.faults.kinds.fault import Fault, Limits, ignoring_the_dead
from tests.faults.rig import READY_TIMEOUT_S, Host
from tests.waiting import within

OWN_END_TIMEOUT_S = 30.0
STUTTER_S = 0.08, 0.02


class WorkerKilled(Fault):
    name = "a worker is killed"
    lasts_s = 0.5

    def inject(self) -> None:
        with ignoring_the_dead():
            os.kill(self.random.choice(self.host.server.workers()), signal.SIGKILL)


class BankKilled(Fault):
    name = "a bank is killed"
    lasts_s = 0.3

    def inject(self) -> None:
        self.host.kill()

    def heal(self) -> None:
        self.host.start()


class AllBanksKilled(Fault):
    name = "all banks are killed"
    lasts_s = 0.3

    def inject(self) -> None:
        for host in self.rig.hosts:
            host.kill()

    def heal(self) -> None:
        for host in self.rig.hosts:
            host.start()


class FirstProcessKilled(Fault):
    """The workers have to end by themselves."""

    name = "the first process is killed"
    lasts_s = 0.3

    def inject(self) -> None:
        self.workers = self.host.server.workers()
        os.kill(self.host.pid, signal.SIGKILL)
        self.host.server.process.wait()

    def heal(self) -> None:
        if not within(OWN_END_TIMEOUT_S, lambda: not any(map(is_alive, self.workers))):
            self.complaint = "workers without their first process did not end"
            self.host.signal(signal.SIGKILL)
        self.host.start()


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}/exe").exists()


class BankRestarted(Fault):
    name = "a bank is restarted"
    lasts_s = 0.1

    def inject(self) -> None:
        code = self.host.stop()
        if code:
            self.complaint = f"the bank ended with {code}"
        if code is None:
            self.complaint = "the bank did not end"

    def heal(self) -> None:
        self.host.start()


class WorkerFrozen(Fault):
    name = "a worker is frozen"

    def inject(self) -> None:
        self.pid = self.random.choice(self.host.server.workers())
        os.kill(self.pid, signal.SIGSTOP)

    def heal(self) -> None:
        with ignoring_the_dead():
            os.kill(self.pid, signal.SIGCONT)


class BankFrozen(Fault):
    name = "a bank is frozen"

    def inject(self) -> None:
        self.host.signal(signal.SIGSTOP)

    def heal(self) -> None:
        self.host.signal(signal.SIGCONT)


class BankStutters(Fault):
    """It gets a fifth of the processor's time, in pieces."""

    name = "a bank stutters"

    def inject(self) -> None:
        self.over = Event()
        self.thread = Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self.over.is_set():
            self.host.signal(signal.SIGSTOP)
            sleep(STUTTER_S[0])
            self.host.signal(signal.SIGCONT)
            sleep(STUTTER_S[1])

    def heal(self) -> None:
        self.over.set()
        self.thread.join()


class AnotherBank(Fault):
    """Another bank on the same store starts, serves, and ends in order."""

    name = "another bank comes and goes"

    def inject(self) -> None:
        self.other = Host(self.host.folder, self.host.settings)
        self.other.start()
        if not within(READY_TIMEOUT_S, self.other.is_ready):
            self.complaint = "another bank did not start"

    def heal(self) -> None:
        if self.other.stop() != 0 and not self.complaint:
            self.complaint = "another bank did not end in order"
        self.other.wire.close()


class VerifiedMeanwhile(Fault):
    """`accounts verify` runs beside the bank."""

    name = "the books are verified meanwhile"
    lasts_s = 0.1

    def inject(self) -> None:
        done = self.host.ask("verify")
        if done.returncode:
            self.complaint = f"accounts verify said {done.stdout}{done.stderr}"


class NoDescriptors(Fault):
    name = "no file descriptors are left"

    def inject(self) -> None:
        self.limits = Limits(resource.RLIMIT_NOFILE)
        for pid in self.host.server.workers():
            with ignoring_the_dead():
                used = [int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir()]
                self.limits.lower(pid, max(used) + 1)

    def heal(self) -> None:
        self.limits.restore()


class NoMemory(Fault):
    """The workers may not take more memory from the system than they have."""

    name = "no memory is left"

    def inject(self) -> None:
        self.limits = Limits(resource.RLIMIT_AS)
        for pid in self.host.server.workers():
            with ignoring_the_dead():
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
                self.limits.lower(pid, pages * resource.getpagesize())

    def heal(self) -> None:
        self.limits.restore()


class FilesMayNotGrow(Fault):
    """No file may be larger than it is: RLIMIT_FSIZE, for all processes of a bank."""

    name = "files may not grow"

    def inject(self) -> None:
        self.limits = Limits(resource.RLIMIT_FSIZE)
        for pid in self.host.pids:
            self.limits.lower(pid, 1024)

    def heal(self) -> None:
        self.limits.restore()


KINDS = [
    WorkerKilled,
    BankKilled,
    AllBanksKilled,
    FirstProcessKilled,
    BankRestarted,
    WorkerFrozen,
    BankFrozen,
    BankStutters,
    AnotherBank,
    VerifiedMeanwhile,
    NoDescriptors,
    NoMemory,
    FilesMayNotGrow,
]
