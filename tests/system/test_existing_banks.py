"""Commands that read a bank open an existing one and create none."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from accounts_bank.app import create_app
from accounts_bank.cli import main
from accounts_bank.stores.mongo import MongoDatabase
from accounts_bank.stores.sql import Database
from accounts_bank.stores.urls import shown
from tests.helpers import Http

NOTHING = "sqlite:///nothere.db"
STORES = ["sqlite", "postgres", "mongo"]


def run(*arguments: str, url: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(arguments), env={"ACCOUNTS_STORE_URL": url})
    assert result.exception is None or isinstance(result.exception, SystemExit), result
    return result.exit_code, result.output


@pytest.fixture(params=STORES)
def empty(request, postgres, mongo) -> str:
    """Return the URL of a database without a bank."""
    if request.param == "sqlite":
        Path("empty.db").touch()
        return "sqlite:///empty.db"
    if request.param == "postgres":
        return postgres.database("without_bank")
    return str(mongo.url("without_bank"))


@pytest.fixture(params=STORES)
def full(request, postgres, mongo, passwords) -> str:
    """Return the URL of a bank."""
    urls = {"sqlite": lambda: "sqlite:///full.db", "postgres": lambda: postgres.database("held")}
    url = urls.get(request.param, lambda: mongo.emptied("full"))()
    app = create_app({"STORE_URL": url}, passwords=passwords)
    Http(app).joined("ada").opened(100)
    app.extensions["accounts"].close()
    return str(url)


@pytest.mark.parametrize("command", [["verify"], ["upgrade"]])
def test_a_database_without_a_bank_is_named_and_stays_as_it_is(empty, command):
    before = {path.name: path.stat().st_size for path in Path().iterdir()}
    for _ in range(2):
        assert run(*command, url=empty) == (2, f"Error: There is no bank in {shown(empty)}.\n")
    assert {path.name: path.stat().st_size for path in Path().iterdir()} == before


@pytest.mark.parametrize("command", [["verify"], ["upgrade"], ["copy", NOTHING, "sqlite:///b.db"]])
def test_a_mistyped_file_is_named_and_not_created(command):
    said = "Error: There is no bank in sqlite:///nothere.db.\n"
    assert run(*command, url=NOTHING) == (2, said)
    assert list(Path().iterdir()) == []


def test_a_missing_audit_log_is_named():
    assert run("audit", "verify", url=NOTHING) == (
        2,
        "Error: There is no audit log in audit.log.\n",
    )
    assert list(Path().iterdir()) == []


def test_the_commands_name_the_bank_that_they_read(full):
    code, said = run("verify", url=full)
    assert (code, f"Read {shown(full)} and audit.log.\n" in said) == (0, True), said
    assert run("upgrade", url=full) == (0, f"The store is up to date: {shown(full)}.\n")
    code, said = run("copy", full, "sqlite:///target.db", url=full)
    assert (code, f"From {shown(full)} to sqlite:///target.db.\n" in said) == (0, True), said


def test_copying_is_refused_while_a_bank_holds_the_source(full, passwords):
    app = create_app({"STORE_URL": full}, passwords=passwords)
    said = f"Error: A bank has {shown(full)} open. Stop it, then copy again.\n"
    assert run("copy", full, "sqlite:///target.db", url=full) == (1, said)
    assert Http(app).joined("bob").opened(1)
    app.extensions["accounts"].close()
    assert not Path("target.db").exists()
    assert run("copy", full, "sqlite:///target.db", url=full)[0] == 0


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("postgresql://u:secret@h/x", "postgresql://u:***@h/x"),
        ("postgresql://h/x?user=u&password=secret&a=b", "postgresql://h/x?user=u&password=***&a=b"),
        ("mongodb://u:p%40secret@h:1,g:2/x", "mongodb://u:***@h:1,g:2/x"),
        ("postgresql://u@h:5432/x", "postgresql://u@h:5432/x"),
        ("sqlite:///a@b.db", "sqlite:///a@b.db"),
    ],
)
def test_a_url_is_shown_without_its_password(url, text):
    assert shown(url) == text


def test_questions_about_a_database_leave_no_connections(full):
    kind = MongoDatabase if full.startswith("mongodb") else Database
    kind(full).close()
    assert run("copy", full, "sqlite:///target.db", url=full)[0] == 0
