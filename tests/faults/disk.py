"""A disk of its own for a folder, which can be full."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SIZE_BYTES = 4 * 2**30
PAGE_BYTES = 4096
FILL_TRIES = 50


class Disk:
    """A folder; where it may be mounted, it is a file system in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o755)
        self.can_be_full = os.getuid() == 0

    def mount(self, *options: str) -> None:
        joined = ",".join(["mode=0755", *options])
        command = ["mount", "-t", "tmpfs", "-o", joined, "tmpfs", str(self.folder)]
        subprocess.run(command, check=True)

    def fill(self) -> None:
        """Leave no byte free: the file system shrinks to the bytes in use.

        The banks write meanwhile, so the number may grow before the system shrinks.
        """
        for _ in range(FILL_TRIES):
            used_bytes = shutil.disk_usage(self.folder).used
            with suppress(subprocess.CalledProcessError):
                self.mount("remount", f"size={max(used_bytes, PAGE_BYTES)}")
                return
        raise OSError(f"{self.folder} cannot be filled.")

    def give_room(self) -> None:
        self.mount("remount", f"size={SIZE_BYTES}")


@contextmanager
def opened_disk(folder: Path) -> Iterator[Disk]:
    """Make the folder; remove it after the block."""
    disk = Disk(folder)
    if not disk.can_be_full:
        yield disk
        return
    disk.mount(f"size={SIZE_BYTES}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
