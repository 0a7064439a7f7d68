"""No command imports modules of the folder in which it runs."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from accounts_bank import sandbox_commands
from accounts_bank.cli import main
from tests.helpers import PASSWORD
from tests.ports import free_port
from tests.system.servers import ACCOUNTS, served

pytestmark = pytest.mark.real_start

PROGRAMS = {"accounts": (ACCOUNTS,), "python -m": (sys.executable, "-m", "accounts_bank")}
STORE_URL = "sqlite:///bank.db"

# The commands that end by themselves, in the order of a first use: arguments and exit code.
ENDING = {
    "init": ((), 0),
    "config": ((), 0),
    "users create": (("tess",), 0),
    "users list": ((), 0),
    "users password": (("tess",), 0),
    "users role": (("tess", "teller"), 0),
    "seed": (("absent.yaml",), 1),
    "upgrade": ((), 0),
    "verify": ((), 0),
    "audit verify": ((), 0),
    "copy": ((STORE_URL, "sqlite:///copy.db"), 0),
    "health": (("--port", str(free_port())), 1),
    "clock show": (("--url", f"http://127.0.0.1:{free_port()}"), 1),
    "events": (("--url", f"http://127.0.0.1:{free_port()}", "--token", "x"), 1),
}
SERVING = {"serve": ("--workers", "2"), "demo": ("--workers", "2"), "sandbox": ()}


def leaves(command: click.Command, name: str = "") -> Iterator[str]:
    """Give the name of each command below a command; one of those that call a sandbox is enough."""
    if isinstance(command, click.Group):
        for below, each in command.commands.items():
            yield from leaves(each, f"{name} {below}".strip())
    elif command.callback.__module__ != sandbox_commands.__name__ or name in ENDING:
        yield name


@pytest.fixture
def marker(tmp_path, monkeypatch):
    """Make the current folder hostile; give the file that its modules write when imported."""
    folder, marker = tmp_path / "hostile", tmp_path / "marker"
    folder.mkdir()
    code = f"open({str(marker)!r}, 'a').write(__name__)\nraise RuntimeError(__name__)\n"
    for name in ("app", "config", "accounts", "logging", "sqlite3", "flask", "asyncio"):
        (folder / f"{name}.py").write_text(code)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ACCOUNTS_STORE_URL", STORE_URL)
    return marker


def test_every_command_is_tried_here():
    assert set(leaves(main)) == {*ENDING, *SERVING}


def test_the_modules_of_the_folder_are_hostile(marker):
    done = subprocess.run([sys.executable, "-c", "import app"], capture_output=True, check=False)
    assert (done.returncode, marker.read_text()) == (1, "app")


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_commands_do_not_import_from_the_current_folder(marker, program):
    for name, (arguments, code) in ENDING.items():
        done = subprocess.run(
            [*program, *name.split(), *arguments],
            input=f"{PASSWORD}\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == code, (name, done.stdout, done.stderr)
    assert not marker.exists()


@pytest.mark.parametrize("command", sorted(SERVING))
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_servers_do_not_import_from_the_current_folder(marker, program, command):
    with served(*SERVING[command], command=command, program=program) as server:
        token = server.joined("grace")
        server.opened(token, 100)
    assert not marker.exists(), (marker.read_text(), Path("server.log").read_text())
