"""A power cut after the first start: each file that the bank creates once is whole."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.programs import program
from tests.system.servers import ACCOUNTS, served
from tests.system.trace import TRACE, Call, calls, traced
from tests.waiting import within

KEPT = {"config.json", "audit.log", "audit.log.head", "audit.log.key", "bank.db", "bank.db-use"}
"""The files that a bank creates once, or once after each rotation."""
PASSING = {"bank.db-shm", "bank.db-journal", "bank.db-wal", "server.log", TRACE.name}
"""Files whose loss costs nothing, files of SQLite, and files of the tests."""
DISK_BYTES = 48 * 2**20


@contextmanager
def mounted(image: Path) -> Iterator[Path]:
    """Mount the image of an ext4 disk."""
    folder = image.with_suffix(".mounted")
    folder.mkdir()
    subprocess.run([program("mount"), "-o", "loop", image, folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def disk(tmp_path) -> Path:
    """Return the image of an empty disk; skip the test where none can be mounted."""
    image = tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run([program("mkfs.ext4", package="e2fsprogs"), "-q", image], check=True)
    try:
        with mounted(image):
            pass
    except subprocess.CalledProcessError:
        pytest.skip("no disk can be mounted here; the test of the order of calls covers this")
    return image.rename(tmp_path / "new_disk")


def is_logged() -> bool:
    return Path("audit.log").exists() and b'"signed_up"' in Path("audit.log").read_bytes()


def test_a_bank_goes_on_after_a_power_cut_at_its_first_hour(disk, monkeypatch):
    monkeypatch.setenv("ACCOUNTS_STORE_URL", "sqlite:///bank.db")
    after = disk.with_name("after")
    with mounted(disk) as folder:
        monkeypatch.chdir(folder)
        with served() as server:
            token = server.joined("ada")
            account = server.opened(token, 100)
            assert within(30, lambda: Path("audit.log").stat().st_size)
            for process in (server.process.pid, *server.workers()):
                os.kill(process, signal.SIGSTOP)
            shutil.copy(disk, after)  # what no one synced is not on it
            os.killpg(server.process.pid, signal.SIGKILL)
        monkeypatch.chdir(folder.parent)
    with mounted(after) as folder:
        monkeypatch.chdir(folder)
        verified = subprocess.run([ACCOUNTS, "verify"], capture_output=True, text=True, check=False)
        assert "The books are right." in verified.stdout, verified.stdout + verified.stderr
        with served() as server:  # the secret is the same, so the token is still good
            status, found = server.ask("GET", f"/v1/accounts/{account}", token=token)
            assert (status, found["balance_minor"]) == (200, 100)
            assert server.stop() == 0
        monkeypatch.chdir(folder.parent)


def is_kept(path: Path, made: list[Call]) -> bool:
    """Tell whether the disk knows a file before its content counts.

    Either the file is synced aside, renamed and its folder synced, or it is created empty, its
    folder is synced and only then it is written.
    """
    happened = [call.does for call in made if call.path == path]
    first = next(each for each in happened if each in {"created", "renamed"})
    begun = made.index(Call(first, path))
    if first == "renamed":
        aside = [
            call.does for call in made[:begun] if call.path == path.with_name(f".{path.name}.new")
        ]
        assert aside == ["created", "written", "synced"], (path, aside)
    later = [call for call in made[begun + 1 :] if call.path in {path, path.parent}]
    return not later or later[0] == Call("synced", path.parent)


def test_each_file_that_the_bank_creates_is_synced_before_it_counts(monkeypatch):
    monkeypatch.setenv("ACCOUNTS_STORE_URL", "sqlite:///bank.db")
    with served(program=traced(ACCOUNTS)) as server:
        token = server.joined("ada")
        server.opened(token, 100)
        assert within(30, lambda: Path("audit.log").stat().st_size)
        Path("audit.log").rename("audit.log.1")
        server.opened(token, 100)
        assert within(30, Path("audit.log").exists)
        assert server.stop() == 0
    made = list(calls(server.process.pid))
    found = {path.name for path in Path.cwd().iterdir()} - PASSING
    assert found == KEPT | {"audit.log.1"}
    for name in KEPT:
        assert is_kept(Path.cwd() / name, made), name
    keys, lines = (Path.cwd() / f"audit.log{end}" for end in (".key", ""))
    assert made.index(Call("renamed", keys)) < made.index(Call("written", lines))


@pytest.mark.parametrize(
    "command", [["init"], ["users", "create", "ada"]], ids=lambda each: each[0]
)
def test_a_configuration_is_synced_before_the_command_ends(command):
    with subprocess.Popen(traced(ACCOUNTS, *command), stdin=subprocess.PIPE) as process:
        process.communicate(b"correct horse\n")
    assert process.returncode == 0
    assert is_kept(Path("config.json").absolute(), list(calls(process.pid)))
