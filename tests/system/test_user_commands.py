"""`accounts users list`, `password` and `role` on a bank that lasts."""

from contextlib import closing

import pytest
from click.testing import CliRunner

from accounts_bank.app import create_app
from accounts_bank.cli import main
from tests.helpers import PASSWORD, Http

NEW = "another horse battery"


@pytest.fixture(autouse=True)
def _lasting(monkeypatch):
    monkeypatch.setenv("ACCOUNTS_STORE_URL", "sqlite:///bank.db")
    for name, role in (("Ada", "customer"), ("alma", "admin")):
        assert said("create", name, "--role", role, given=PASSWORD)[0] == 0


@pytest.fixture
def http(_lasting, passwords):
    app = create_app(passwords=passwords)
    with closing(app.extensions["accounts"]):
        yield Http(app)


def said(*command: str, given: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(main, ["users", *command], input=f"{given}\n")
    assert done.exception is None or isinstance(done.exception, SystemExit), done
    return done.exit_code, done.output


def sign_in(http, name: str, password: str) -> int:
    return http("POST", "/v1/auth/login", {"username": name, "password": password}).status_code


def test_the_list_has_each_user_with_the_role():
    assert said("list") == (0, "customer   Ada\nadmin      alma\n")


def test_a_new_password_ends_the_sessions_of_a_running_bank(http):
    ada = http.signed_in("ada")
    code, told = said("password", "ADA", given=NEW)
    assert (code, told) == (0, "Ada has a new password, and is signed out everywhere.\n")
    assert sign_in(http, "ada", PASSWORD) == 401
    assert sign_in(http, "ada", NEW) == 200
    assert ada("GET", "/v1/users/me").status_code == 401


def test_a_weak_password_changes_nothing(http):
    code, told = said("password", "ada", given="password")
    assert (code, "common" in told) == (1, True)
    assert sign_in(http, "ada", PASSWORD) == 200


def test_a_new_role_is_audited_and_the_last_admin_keeps_its_role(http):
    assert said("role", "ada", "auditor") == (0, "Ada is auditor.\n")
    code, told = said("role", "alma", "customer")
    assert (code, told.startswith("Error: ")) == (1, True)
    trail = http.signed_in("ada")("GET", "/v1/audit").json["data"]
    (changed,) = [each for each in trail if each["event"] == "role_changed_to_auditor"]
    assert changed["actor_id"] is None  # the operator of the machine is no user


@pytest.mark.parametrize("command", [["password"], ["role"], ["list"]])
def test_nothing_is_made_where_there_is_no_bank(command, monkeypatch):
    monkeypatch.setenv("ACCOUNTS_STORE_URL", "sqlite:///other.db")
    names = {"password": ["ada"], "role": ["ada", "teller"], "list": []}[command[0]]
    code, told = said(*command, *names)
    assert (code, "There is no bank in" in told) == (2, True)


def test_an_unknown_user_and_a_bank_in_memory_are_told(monkeypatch):
    assert "There is no user eve" in said("password", "eve", given=NEW)[1]
    monkeypatch.setenv("ACCOUNTS_STORE_URL", "memory://")
    assert "lives in the serving process" in said("list")[1]
