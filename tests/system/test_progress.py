"""Long commands tell how far they are: a bar on a terminal, elsewhere a line every ten seconds."""

import io
import os
import pty
import subprocess
import sys
from contextlib import ExitStack, suppress

import pytest

from accounts_bank import progress
from accounts_bank.app import copy, create_app, create_bank
from accounts_bank.audit import inheritance
from accounts_bank.config import load_settings
from accounts_bank.progress import Passes, shown
from tests.helpers import Http


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def told(*steps: tuple[float, int, int]) -> list[str]:
    """Return the lines after steps of (seconds since the start, done, total)."""
    clock, stream = Clock(), io.StringIO()
    with shown("Verifying", stream, clock=clock) as tell:
        for clock.now_s, done, total in steps:
            tell(done, total)
    return stream.getvalue().splitlines()


def test_a_line_every_ten_seconds_names_the_counts_and_the_time_left():
    assert told((9, 1, 10), (10, 12_000, 60_000), (19, 20_000, 60_000), (20, 30_000, 60_000)) == [
        "Verifying: 12,000 of 60,000 entries, 40 s left",
        "Verifying: 30,000 of 60,000 entries, 20 s left",
    ]


@pytest.mark.parametrize(
    ("total", "left"), [(10, "0 s"), (100, "1 min 30 s"), (10_000, "2 h 46 min")]
)
def test_a_long_time_is_told_in_minutes_and_hours(total, left):
    assert told((10, 10, total))[0].endswith(f" entries, {left} left")


def test_a_command_that_has_done_nothing_yet_tells_nothing():
    assert told((60, 0, 10), (70, 0, 0)) == []


def on_terminal(write) -> str:
    """Call `write` with a stream that is a terminal; return the text that it shows."""
    ours, theirs = pty.openpty()
    text = b""
    with os.fdopen(theirs, "w") as stream:
        write(stream)
    with suppress(OSError):  # the terminal has no writer any more
        while part := os.read(ours, 65_536):
            text += part
    os.close(ours)
    return text.decode()


def test_a_terminal_shows_a_bar_that_ends_at_the_total():
    def write(stream):
        with shown("Copying", stream) as tell:
            tell(1, 4)
            tell(2, 4)

    text = on_terminal(write)
    assert "Copying" in text
    assert [f"{percent}%" in text for percent in (25, 50, 100)] == [True] * 3


def test_several_passes_are_told_as_one_count(monkeypatch):
    monkeypatch.setattr(progress, "AT_ONCE", 2)
    seen = []
    passes = Passes(4, ("lines", "entries"), lambda done, total: seen.append((done, total)))
    assert list(passes.counted("lines", range(10), 2)) == list(range(10))
    assert list(passes.counted("entries", range(3))) == [0, 1, 2]
    assert seen[-1] == (4, 4)
    assert [done for done, _ in seen] == [0, 1, 1, 2, 2, 2, 3, 3, 4]


@pytest.fixture
def bank(passwords):
    """Make a bank on disk; return its settings."""
    app = create_app({"STORE_URL": "sqlite:///bank.db"}, passwords=passwords)
    ada = Http(app).joined("ada")
    for _ in range(10):
        ada.opened(100)
    app.extensions["accounts"].close()
    return load_settings({"STORE_URL": "sqlite:///bank.db"})


def test_verifying_and_proving_a_copy_tell_the_entries_up_to_the_last(bank, passwords, monkeypatch):
    monkeypatch.setattr(progress, "AT_ONCE", 3)
    verified, proven = [], []
    with ExitStack() as stack:
        opened = create_bank(bank, passwords)
        stack.callback(opened.close)
        report = opened.verifier.verify(lambda *told: verified.append(told))
    steps = list(copy(bank, "sqlite:///other.db", lambda *told: proven.append(told)))
    assert report.ok
    assert steps
    for told_steps in (verified, proven):
        done, totals = zip(*told_steps, strict=True)
        assert set(totals) == {done[-1]}
        assert list(done) == sorted(done)
        assert len(set(done)) > 5
    assert verified[-1][0] > report.entries


def test_commands_show_a_bar_on_a_terminal_and_none_elsewhere(bank):
    command = [sys.executable, "-m", "accounts_bank", "verify"]
    environment = os.environ | {"ACCOUNTS_STORE_URL": bank.STORE_URL}

    def write(stream):
        subprocess.run(
            command, env=environment, stderr=stream, stdout=subprocess.DEVNULL, check=True
        )

    text = on_terminal(write)
    assert "Verifying" in text
    assert "100%" in text
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_reading_an_audit_log_for_an_upgrade_tells_its_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "AT_ONCE", 2)
    monkeypatch.setattr(inheritance, "verify_files", lambda *_: (5, None))
    log, seen = tmp_path / "audit.log", []
    line = '{"number":%d,"@timestamp":"2026-01-01T00:00:00Z","event":"e","id":"i","hash":"h"}\n'
    for name, first, last in (("audit.log.1", 1, 3), ("audit.log", 4, 5)):
        (tmp_path / name).write_text("".join(line % each for each in range(first, last + 1)))
    lines = inheritance.inherited(log, None, lambda *told: seen.append(told))
    assert [row.number for row, *_ in lines] == [1, 2, 3, 4, 5]
    assert seen == [(2, 5), (4, 5), (5, 5), (5, 5)]
