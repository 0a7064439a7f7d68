"""Machines with a network of their own, on this machine: Linux namespaces on one bridge.

This process reaches every machine, and `cut` drops the packets that a machine sends to others. All
of it is gone when this process ends, however it ends. It needs root.
"""

import os
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.programs import program
from tests.waiting import within

START_TIMEOUT_S = 10
NETWORKS_MAX = 200


class Machine:
    """A network namespace with one address; a sleeping process keeps it."""

    def __init__(self, address: str = "") -> None:
        self.address = address
        ends_with_us = [program("setpriv", package="util-linux"), "--pdeathsig", "KILL"]
        unshare = [program("unshare", package="util-linux"), "--net"]
        self._keeper = subprocess.Popen([*unshare, *ends_with_us, "sleep", "infinity"])
        self.pid = self._keeper.pid
        own = Path("/proc/self/ns/net").readlink()
        assert within(START_TIMEOUT_S, lambda: self._namespace() not in {None, own})

    @property
    def command(self) -> list[str]:
        """The words before a command that runs it on this machine."""
        return [program("nsenter", package="util-linux"), f"--net=/proc/{self.pid}/ns/net"]

    def ip(self, *words: str) -> None:
        """Configure the network of this machine."""
        _run([*self.command, *_ip(words)])

    def cut(self, addresses: Iterable[str]) -> None:
        """Drop every packet from this machine to some addresses."""
        for each in addresses:
            self.ip("route", "add", "blackhole", f"{each}/32")

    def heal(self, addresses: Iterable[str]) -> None:
        """End `cut`."""
        for each in addresses:
            self.ip("route", "del", "blackhole", f"{each}/32")

    def end(self) -> None:
        """End the machine, with its part of every link."""
        self._keeper.kill()
        self._keeper.wait()

    def _namespace(self) -> Path | None:
        with suppress(OSError):
            return Path(f"/proc/{self.pid}/ns/net").readlink()
        return None


class Network:
    """Some machines on one bridge, and this process on it too."""

    def __init__(self, size: int) -> None:
        """Make the machines, or skip the test with a line that says why it cannot.

        :param size: the number of machines, 250 at most.
        """
        _check_permitted()
        with ExitStack() as failed:
            self._switch = Machine()
            failed.callback(self.end)
            self.machines: Sequence[Machine] = []
            self._switch.ip("link", "add", "bridge", "type", "bridge")
            self._switch.ip("link", "set", "bridge", "up")
            prefix = self._plug_in_this_process()
            self.machines = [Machine(f"{prefix}.{n}") for n in range(1, size + 1)]
            for number, machine in enumerate(self.machines):
                self._plug_in(machine, f"port{number}")
            failed.pop_all()

    def end(self) -> None:
        """End all machines; their links end with them."""
        for machine in (*self.machines, self._switch):
            machine.end()

    def others(self, machine: Machine) -> list[str]:
        """Return the addresses of the other machines."""
        return [each.address for each in self.machines if each is not machine]

    def _plug_in_this_process(self) -> str:
        """Connect this process to the bridge; return the first three numbers of the addresses."""
        for number in range(NETWORKS_MAX):
            link, prefix = f"accounts{number}", f"10.213.{number}"
            peer = ("peer", "name", "uplink", "netns", str(self._switch.pid))
            made = subprocess.run(
                _ip(("link", "add", link, "type", "veth", *peer)), capture_output=True, check=False
            )
            if made.returncode == 0:
                _run(_ip(("addr", "add", f"{prefix}.254/24", "dev", link)))
                _run(_ip(("link", "set", link, "up")))
                self._switch.ip("link", "set", "uplink", "master", "bridge", "up")
                return prefix
        raise AssertionError("no name is free for a link")

    def _plug_in(self, machine: Machine, port: str) -> None:
        peer = ("peer", "name", "eth0", "netns", str(machine.pid))
        self._switch.ip("link", "add", port, "type", "veth", *peer)
        self._switch.ip("link", "set", port, "master", "bridge", "up")
        machine.ip("addr", "add", f"{machine.address}/24", "dev", "eth0")
        for each in ("lo", "eth0"):
            machine.ip("link", "set", each, "up")


def _ip(words: Iterable[str]) -> list[str]:
    return [program("ip", package="iproute2"), *words]


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"


def _check_permitted() -> None:
    """Skip the test where this process may not make namespaces; with CI set, fail it."""
    unshare = [program("unshare", package="util-linux"), "--net", "true"]
    if os.geteuid() == 0 and subprocess.run(unshare, check=False).returncode == 0:
        return
    sentence = "Namespaces are not permitted here: run this test as root."
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)
