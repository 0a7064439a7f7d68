"""A fault: what every kind of fault has."""

import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import ClassVar

from tests.faults.rig import Host, Rig
from tests.programs import SYSTEM_FOLDERS

ALL = frozenset({"sqlite", "postgresql", "mongodb"})
SERVERS = ALL - {"sqlite"}


class Fault:
    """One fault. It is injected, lasts a while, and is healed; the banks have to do the rest.

    To heal undoes the fault and starts what was ended, as a supervisor does.
    """

    name: ClassVar[str]
    stores: ClassVar[frozenset[str]] = ALL
    lasts_s: ClassVar[float] = 1.5
    programs: ClassVar[tuple[str, ...]] = ()
    as_root: ClassVar[bool] = False

    def __init__(self, rig: Rig, random: Random) -> None:
        self.rig, self.random = rig, random
        self.host: Host = random.choice(rig.hosts)
        self.complaint = ""
        """Anything that the fault itself saw and that is wrong."""

    @classmethod
    def missing(cls) -> str:
        """Say what the machine lacks for this fault."""
        if cls.as_root and os.getuid():
            return "the rights of root"
        path = f"{os.environ['PATH']}:{SYSTEM_FOLDERS}"
        return ", ".join(each for each in cls.programs if not shutil.which(each, path=path))

    def inject(self) -> None:
        """Break something."""
        raise NotImplementedError

    def heal(self) -> None:
        """Undo it."""


class Limits:
    """Limits of processes, to be put back."""

    def __init__(self, kind: int) -> None:
        self.kind = kind
        self._before: dict[int, tuple[int, int]] = {}

    def lower(self, pid: int, soft: int) -> None:
        with suppress(ProcessLookupError):
            before = resource.prlimit(pid, self.kind)
            self._before[pid] = before
            resource.prlimit(pid, self.kind, (soft, before[1]))

    def restore(self) -> None:
        for pid, before in self._before.items():
            with suppress(ProcessLookupError):
                resource.prlimit(pid, self.kind, before)


@contextmanager
def ignoring_the_dead() -> Iterator[None]:
    """Pass over processes that ended meanwhile."""
    with suppress(ProcessLookupError, FileNotFoundError):
        yield
