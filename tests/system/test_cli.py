"""The `accounts` command, as somebody types it."""

import json
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from accounts_bank.app import create_app
from accounts_bank.cli import main
from accounts_bank.collections.passwords import Passwords
from accounts_bank.stores.sql import Database
from tests.helpers import PASSWORD, Http
from tests.system.servers import served


@pytest.fixture
def accounts():
    """Return a function that runs the command; it gives the exit code and the output."""

    def run(*arguments, given=""):
        result = CliRunner().invoke(main, list(arguments), input=given)
        assert result.exception is None or isinstance(result.exception, SystemExit), result
        return result.exit_code, result.output

    return run


def commands(group: click.Group, *names: str) -> Iterator[list[str]]:
    """Yield each command below a group by its names."""
    for name, command in group.commands.items():
        yield [*names, name]
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)


def test_every_command_explains_itself(accounts):
    for command in ([], *commands(main)):
        code, said = accounts(*command, "--help")
        assert code == 0
        assert "Usage:" in said


def test_init_writes_a_config_once(accounts):
    code, said = accounts("init")
    assert (code, "config.json" in said) == (0, True)
    assert stat.S_IMODE(Path("config.json").stat().st_mode) == 0o600
    assert len(json.loads(Path("config.json").read_text())["JWT_SECRET_KEY"]) >= 32
    code, said = accounts("init")
    assert (code, said) == (
        1,
        "Error: config.json exists already: edit it, or move it away first.\n",
    )


@pytest.mark.parametrize("role", ["customer", "teller", "auditor", "admin"])
def test_a_created_user_is_there_from_the_next_start_on(accounts, passwords, role):
    code, said = accounts("users", "create", "Tess", "--role", role, given=f"{PASSWORD}\n")
    assert (code, "Tess" in said) == (0, True)
    written = Path("config.json").read_text()
    assert PASSWORD not in written
    assert "$argon2id$" in written
    assert stat.S_IMODE(Path("config.json").stat().st_mode) == 0o600
    tess = Http(create_app(passwords=passwords)).signed_in("tess")
    assert tess("GET", "/v1/users/me").json["role"] == role


def test_a_command_makes_a_database_for_its_owner_alone(accounts, monkeypatch):
    monkeypatch.setenv("ACCOUNTS_STORE_URL", "sqlite:///bank.db")
    assert accounts("users", "create", "tess", given=f"{PASSWORD}\n")[0] == 0
    assert stat.S_IMODE(Path("bank.db").stat().st_mode) == 0o600


def test_a_byte_order_mark_is_no_part_of_a_piped_password(accounts, passwords):
    assert accounts("users", "create", "tess", given=f"\ufeff{PASSWORD}\n")[0] == 0
    assert Http(create_app(passwords=passwords)).signed_in("tess")("GET", "/v1/users/me").json


def test_a_user_is_created_once(accounts):
    accounts("users", "create", "tess", given=f"{PASSWORD}\n")
    code, said = accounts("users", "create", "TESS", given=f"{PASSWORD}\n")
    assert (code, said) == (1, "Error: TESS is taken: choose another name.\n")


def test_a_user_of_a_bank_that_lasts_is_there_at_once(accounts, passwords, monkeypatch):
    monkeypatch.setenv("ACCOUNTS_STORE_URL", "sqlite:///bank.db")
    create = ("users", "create", "Tess", "--role", "teller")
    assert accounts(*create, given=f"{PASSWORD}\n") == (0, "Tess is teller.\n")
    code, said = accounts(*create, given=f"{PASSWORD}\n")
    assert (code, said) == (1, "Error: Tess is taken: choose another name.\n")
    app = create_app(passwords=Passwords())
    assert Http(app).signed_in("tess")("GET", "/v1/users/me").json["role"] == "teller"
    assert accounts("audit", "verify")[0] == 0
    app.extensions["accounts"].close()


def test_a_store_is_brought_up_to_date(accounts, monkeypatch):
    assert accounts("upgrade") == (0, "The store is up to date: memory://.\n")
    monkeypatch.setenv("ACCOUNTS_STORE_URL", "sqlite:///bank.db")
    Database("sqlite:///bank.db").close()
    assert accounts("upgrade") == (0, "The store is up to date: sqlite:///bank.db.\n")
    with sqlite3.connect("bank.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099'")
    connection.close()
    code, said = accounts("users", "create", "tess", given=f"{PASSWORD}\n")
    assert code == 1
    assert "install the version of Accounts that made it" in said


def test_the_books_are_proven_on_the_command_line(accounts, passwords, monkeypatch):
    assert accounts("verify")[0] == 1
    monkeypatch.setenv("ACCOUNTS_STORE_URL", "sqlite:///bank.db")
    app = create_app(passwords=passwords)
    Http(app).joined("ada").opened(100)
    app.extensions["accounts"].close()
    code, said = accounts("verify")
    assert code == 0
    assert said.startswith("2 accounts, 2 entries, 2 lines, 4 lines of the audit log.\n")
    assert said.endswith("Read sqlite:///bank.db and audit.log.\nThe books are right.\n")
    with sqlite3.connect("bank.db") as connection:
        connection.execute("UPDATE accounts SET balance_minor = balance_minor + 1")
    connection.close()
    code, said = accounts("verify")
    assert code == 1
    assert "The books are wrong: account " in said


@pytest.mark.parametrize("given", ["short\n", "", "\n"])
def test_a_short_password_is_refused(accounts, given):
    code, said = accounts("users", "create", "tess", given=given)
    assert (code, said) == (1, "Error: Choose a password of 8 or more characters.\n")
    assert not Path("config.json").exists()


@pytest.mark.parametrize("given", ["password1\n", "tess12345\n"])
def test_a_common_password_and_a_name_are_refused(accounts, given):
    code, said = accounts("users", "create", "tess", given=given)
    assert code == 1
    assert said.startswith("Error: This password is ")
    assert not Path("config.json").exists()


@pytest.mark.parametrize("name", ["", " tess", "a" * 65, "te\nss"])
def test_a_name_that_could_not_sign_up_is_not_created_either(accounts, name):
    code, said = accounts("users", "create", name, given=f"{PASSWORD}\n")
    assert code == 1
    assert "name" in said
    assert not Path("config.json").exists()


def test_an_unknown_role_is_refused_with_the_list_of_roles(accounts):
    code, said = accounts("users", "create", "tess", "--role", "boss", given=f"{PASSWORD}\n")
    assert code == 2
    assert "teller" in said


def test_the_audit_log_is_proven(accounts, passwords):
    Http(create_app({}, passwords=passwords)).joined("ada")
    said = "Read audit.log.\nThe audit log is whole: 2 lines.\n"
    assert accounts("audit", "verify") == (0, said)
    text = Path("audit.log").read_text()
    Path("audit.log").write_text(text.replace('"event":"login"', '"event":"logout"'))
    code, said = accounts("audit", "verify")
    assert code == 1
    assert "line 2 was altered after it was written" in said
    Path("audit.log").write_text("".join(text.splitlines(keepends=True)[:2]))
    code, said = accounts("audit", "verify")
    assert code == 1
    assert "the end is cut: lines 2 to 2 are missing" in said


def test_an_audit_log_that_is_not_there_is_told(accounts):
    code, said = accounts("audit", "verify")
    assert (code, said.startswith("Error: ")) == (2, True)


def test_wrong_settings_are_told_in_one_sentence(accounts):
    Path("config.json").write_text('{"JWT_SECRET_KEY": "short"}')
    for command in (["serve"], ["audit", "verify"], ["users", "create", "tess"]):
        code, said = accounts(*command)
        assert code == 1
        assert said.startswith("Error: JWT_SECRET_KEY must have 32 or more bytes")


def test_a_bank_in_memory_has_one_worker(accounts):
    code, said = accounts("serve", "--workers", "2")
    assert (code, said) == (1, "Error: memory:// lives in one process: use --workers 1.\n")


def test_a_sandbox_is_served_by_one_process_only(accounts, monkeypatch):
    monkeypatch.setenv("ACCOUNTS_SANDBOX", "true")
    monkeypatch.setenv("ACCOUNTS_STORE_URL", "sqlite:///bank.db")
    code, said = accounts("serve", "--workers", "2")
    assert code == 1
    assert "a sandbox has one process. Use --workers 1." in said


def test_the_port_may_be_set_by_the_environment(accounts, monkeypatch):
    monkeypatch.setenv("PORT", "1")
    assert accounts("health") == (1, "127.0.0.1:1 does not answer.\n")


def test_a_demo_is_served_by_several_processes_and_written_once():
    wish = {"username": "ada", "password": "demo bank"}
    for _ in range(2):
        with served(
            "--workers", "2", command="demo", ACCOUNTS_STORE_URL="sqlite:///bank.db"
        ) as server:
            status, tokens = server.ask("POST", "/v1/auth/login", wish)
            assert status == 200
            _, page = server.ask("GET", "/v1/accounts", token=tokens["access_token"])
            assert len(page["data"]) == 3


def test_a_sandbox_is_open_to_this_machine_and_limits_no_sign_in():
    body = {"username": "ada", "password": "wrong"}
    with served(command="sandbox") as server:
        answers = {server.ask("POST", "/v1/auth/login", body)[0] for _ in range(12)}
        status, bank = server.ask("POST", "/v1/sandbox/banks", {"users": [{"username": "eve"}]})
        assert server.ask("GET", "/v1/sandbox/clock")[1]["mode"] == "real"
    assert (answers, status, bank["users"][0]["username"]) == ({401}, 201, "eve")
