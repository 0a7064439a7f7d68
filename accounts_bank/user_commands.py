"""The commands on users: create, list, password and role."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import msgspec

from accounts_bank.collections.password_rules import LENGTH_MAX, LENGTH_MIN, check_password
from accounts_bank.collections.passwords import Passwords
from accounts_bank.config import CONFIG_FILE, Settings, change_config, load_settings
from accounts_bank.errors import LastAdmin, PasswordWeak, SettingsError, UsernameTaken
from accounts_bank.http.bank import Bank
from accounts_bank.identity import NOBODY, Caller, Role, User, Username, username_key
from accounts_bank.store_commands import opened_bank
from accounts_bank.stores.factory import require_bank

AT_ONCE = 100
OPERATOR = Caller(NOBODY, Role.ADMIN, "")
"""The operator of the machine, who is no user of the bank."""

_role = click.Choice([role.value for role in Role])


@click.group()
def users() -> None:
    """Manage users."""


@users.command()
@click.argument("name")
@click.option(
    "--role",
    type=_role,
    default="customer",
    show_default=True,
)
def create(name: str, role: str) -> None:
    """Add a user; a prompt or a line of standard input gives the password.

    A bank in memory forgets its users. For it the user goes into config.json, with a hash of the
    password, and exists from the next start on.
    """
    settings = load_settings()
    _check_name(name)
    if settings.is_durable:
        _create_in_store(settings, name, Role(role))
        click.echo(f"{name} is {role}.")
        return
    if any(username_key(staff.username) == username_key(name) for staff in settings.STAFF):
        raise SettingsError(f"{name} is taken: choose another name.")
    staff = {"username": name, "role": role, "password_hash": Passwords().hash(_password(name))}
    all_staff = [*msgspec.to_builtins(settings.STAFF), staff]
    change_config(CONFIG_FILE, lambda before: before | {"STAFF": all_staff})
    click.echo(f"{name} is {role} from the next start on: kept in {CONFIG_FILE}.")


@users.command("list")
def list_users() -> None:
    """Print the role, the username and the full name of each user."""
    with _lasting_bank(Passwords()) as bank:
        after: str | None = ""
        while after is not None:
            found, after = bank.users.page(OPERATOR, after=after, limit=AT_ONCE)
            for user in found:
                click.echo(f"{user.role:10} {user.username}  {user.full_name or ''}".rstrip())


@users.command("password")
@click.argument("name")
def reset_password(name: str) -> None:
    """Give a user a new password, and end all sessions of the user.

    A prompt or a line of standard input gives the password. A running bank knows it at once.
    """
    passwords = Passwords()
    with _lasting_bank(passwords) as bank:
        user = _user(bank, name)
        bank.users.reset_password(OPERATOR, user.id, _password(user.username, user.full_name))
    click.echo(f"{user.username} has a new password, and is signed out everywhere.")


@users.command("role")
@click.argument("name")
@click.argument("role", type=_role)
def change_role(name: str, role: str) -> None:
    """Give a user another role. The last admin keeps its role."""
    with _lasting_bank(Passwords()) as bank:
        try:
            changed = bank.users.change_role(OPERATOR, _user(bank, name).id, Role(role))
        except LastAdmin as error:
            raise SettingsError(error.detail) from None
    click.echo(f"{changed.username} is {changed.role}.")


@contextmanager
def _lasting_bank(passwords: Passwords) -> Iterator[Bank]:
    """Open an existing bank, beside the processes that serve it.

    :raises SettingsError: it is in memory, or is not there.
    """
    settings = load_settings()
    if not settings.is_durable:
        raise SettingsError(f"{settings.STORE_URL} lives in the serving process: use its API.")
    require_bank(settings.STORE_URL)
    with opened_bank(settings, passwords) as bank:
        yield bank


def _user(bank: Bank, name: str) -> User:
    found = bank.users.find(name)
    if not found:
        raise SettingsError(f"There is no user {name}: see `accounts users list`.")
    return found[0]


def _create_in_store(settings: Settings, name: str, role: Role) -> None:
    passwords = Passwords()
    with opened_bank(settings, passwords) as bank:
        try:
            bank.users.add(name, passwords.hash(_password(name)), role=role)
        except UsernameTaken:
            raise SettingsError(f"{name} is taken: choose another name.") from None


def _check_name(name: str) -> None:
    try:
        msgspec.convert(name, Username)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{name!r} is not a username: {error}.") from None


def _password(*names: str | None) -> str:
    """Ask for a new password.

    :param names: the username and the full name of the user, which are no passwords.
    """
    if sys.stdin.isatty():
        password = str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    else:
        password = sys.stdin.readline().removeprefix("\ufeff").rstrip("\r\n")
    if len(password) < LENGTH_MIN:
        raise SettingsError(f"Choose a password of {LENGTH_MIN} or more characters.")
    if len(password) > LENGTH_MAX:
        raise SettingsError(f"Choose a password of {LENGTH_MAX} or fewer characters.")
    try:
        check_password(password, names)
    except PasswordWeak as weak:
        raise SettingsError(weak.detail) from None
    return password
