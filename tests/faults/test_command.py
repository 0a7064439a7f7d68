"""`python -m tests.faults`: its options, and the report of a run that fails."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from tests.faults import __main__ as command
from tests.faults import run as runs
from tests.faults.findings import Finding, Sort
from tests.faults.history import Call, History
from tests.faults.run import Result


def ask(*options: str):
    return CliRunner().invoke(command.main, ["--store", "sqlite", "--output", ".", *options])


def test_the_number_of_clients_is_an_option(monkeypatch):
    asked = {}

    def run(store, _kinds, **options):
        asked.update(options)
        return Result(store, History(), [], [Finding(Sort.LOST, "one payment")], 0.0, 0.0)

    monkeypatch.setattr(command, "run", run)
    done = ask("--clients", "24", "--faults", "3", "--operations", "5", "--seed", "7")
    assert (asked["clients"], asked["faults"], asked["operations"], asked["seed"]) == (24, 3, 5, 7)
    assert "lost: one payment" in done.output
    assert done.exit_code == 1


@pytest.fixture
def broken_run(monkeypatch):
    """Replace the banks by nothing; the run asks for one thing and breaks."""
    first = SimpleNamespace(server=SimpleNamespace(port=1))
    rig = SimpleNamespace(hosts=[], first=first)
    monkeypatch.setattr(runs, "opened_rig", lambda *_: nullcontext(rig))
    monkeypatch.setattr(runs, "set_up", lambda *_: None)
    monkeypatch.setattr(runs, "clients_of", lambda *_: [])

    def go(self, *_):
        self.history.begin(Call(0, "0-1", "deposit", "/v1/deposits", {}))
        raise ConnectionError("no bank is there")

    monkeypatch.setattr(runs.Run, "go", go)


@pytest.mark.usefixtures("broken_run")
def test_a_run_that_breaks_keeps_its_history_and_says_why():
    done = ask()
    assert done.exit_code == 1
    assert "other: the run ended early: ConnectionError('no bank is there')" in done.output
    assert "0-1" in Path("sqlite.history.jsonl").read_text()
    assert "no bank is there" in Path("sqlite.json").read_text()
