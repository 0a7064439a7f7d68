"""The `accounts` command."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import click

from accounts_bank.audit.comparison import verify_log
from accounts_bank.audit.files import parts_of
from accounts_bank.collections.passwords import Passwords
from accounts_bank.config import (
    CONFIG_FILE,
    PREFIX,
    Settings,
    load_settings,
    read_settings,
    write_config,
)
from accounts_bank.config_shown import show_config
from accounts_bank.errors import (
    ApiError,
    NoBank,
    is_shortage,
)
from accounts_bank.event_commands import events
from accounts_bank.sandbox import demo
from accounts_bank.sandbox_commands import COMMANDS
from accounts_bank.server.room import ADVICE, lack
from accounts_bank.server.serve import serve_app
from accounts_bank.store_commands import STORE_COMMANDS, opened_bank
from accounts_bank.stores.factory import MEMORY_URL
from accounts_bank.user_commands import users

HEALTH_TIMEOUT_S = 5
PRIVATE_UMASK = 0o077
"""Files of the bank are for its own user alone."""
LIMITS = tuple(name for name in Settings.__struct_fields__ if name.endswith("RATE_LIMIT"))


class _NoBankFailure(click.ClickException):
    exit_code = 2


class _Group(click.Group):
    """Prints an `ApiError` as one sentence; the exit code is 2 where there is no bank."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except ApiError as error:
            kind = _NoBankFailure if isinstance(error, NoBank) else click.ClickException
            raise kind(error.detail) from error
        except (MemoryError, OSError, RuntimeError) as error:
            if not is_shortage(error):
                raise
            raise click.ClickException(ADVICE.format(lack=lack(error))) from error


@click.group(cls=_Group)
@click.version_option(package_name="accounts-bank")
def main() -> None:
    """Accounts: a bank in a box."""
    os.umask(PRIVATE_UMASK)


main.add_command(show_config)


for _command in (*COMMANDS, *STORE_COMMANDS, users, events):
    main.add_command(_command)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5000, show_default=True, envvar="PORT", help="Port to listen on.")
@click.option("--workers", default=1, show_default=True, help="Number of processes.")
def serve(host: str, port: int, workers: int) -> None:
    """Run the bank behind a production server; SIGTERM stops it in order."""
    serve_app(load_settings(), host=host, port=port, workers=workers)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the bank listens.")
@click.option("--port", default=5000, show_default=True, envvar="PORT", help="Port of the bank.")
@click.option("--live", is_flag=True, help="Check that it answers, not that it is ready.")
def health(host: str, port: int, *, live: bool) -> None:
    """Check that a running bank is ready; the exit code is 1 if it is not."""
    path, status = "/health/live" if live else "/health/ready", 0
    with suppress(OSError, HTTPException):
        connection = HTTPConnection(host, port, timeout=HEALTH_TIMEOUT_S)
        connection.request("GET", path)
        status = connection.getresponse().status
    said = f"{path} says {status}" if status else "does not answer"
    click.echo(f"{host}:{port} {said}.")
    sys.exit(status != HTTPStatus.OK)


@main.command("demo")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5000, show_default=True, envvar="PORT", help="Port to listen on.")
@click.option("--workers", default=1, show_default=True, help="Number of processes.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another year.")
@click.option("--no-limits", is_flag=True, help="Limit no sign-in, no sign-up and no payment.")
def serve_demo(host: str, port: int, workers: int, seed: int, *, no_limits: bool) -> None:
    """Run a bank with users, accounts and a year of history.

    The first start writes them into the empty store; later starts find them there. With one
    process it has /v1/sandbox, open to this machine.
    """
    if workers == 1:
        _set_where_missing({"SANDBOX": "true", "SANDBOX_OPEN": "true"})
    _set({"DEMO": "true", "DEMO_SEED": str(seed)})
    if no_limits:
        _set(dict.fromkeys(LIMITS, ""))
    settings = load_settings()
    if settings.is_durable:  # once, before several processes look for it
        click.echo("Writing a year of history ...", err=True)
        with opened_bank(settings, Passwords()):
            pass
    _introduce_people()
    serve_app(settings, host=host, port=port, workers=workers)


@main.command("sandbox")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5000, show_default=True, envvar="PORT", help="Port to listen on.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another year.")
def serve_sandbox(host: str, port: int, seed: int) -> None:
    """Run a bank to build against: in memory, with demo users and /v1/sandbox.

    Clients of this machine may move its clock, take snapshots and make banks of their own. It
    limits no sign-in and no sign-up.
    """
    _set(dict.fromkeys(("DEMO", "SANDBOX", "SANDBOX_OPEN"), "true"))
    _set(dict.fromkeys(LIMITS, ""))
    _set({"STORE_URL": MEMORY_URL, "DEMO_SEED": str(seed)})
    _introduce_people()
    click.echo(
        f"A bank of your own: curl -X POST http://localhost:{port}/v1/sandbox/banks", err=True
    )
    serve_app(load_settings(), host=host, port=port, workers=1)


def _set(values: Mapping[str, str]) -> None:
    """Set settings for this process and its workers."""
    os.environ |= {f"{PREFIX}{name}": value for name, value in values.items()}


def _set_where_missing(values: Mapping[str, str]) -> None:
    """Set settings for this process and its workers where the environment has no others."""
    _set({name: value for name, value in values.items() if f"{PREFIX}{name}" not in os.environ})


def _introduce_people() -> None:
    names = ", ".join(person.username for person in demo.PEOPLE)
    click.echo(f"Sign in as {names}; every password is `{demo.PASSWORD}`.", err=True)


@main.command()
def init() -> None:
    """Write a config.json with a new secret."""
    write_config(CONFIG_FILE)
    click.echo(f"Wrote {CONFIG_FILE}, readable by you alone.")


@main.group()
def audit() -> None:
    """Read the audit log."""


@audit.command()
@click.argument("logs", nargs=-1, type=click.Path(exists=True, path_type=Path))
def verify(logs: tuple[Path, ...]) -> None:
    """Verify the audit log; print the first fault and exit with 1 if there is one.

    Where the bank has a durable store, each line and the head are compared with it. Rotated parts
    beside the log are read too. If some lie elsewhere, name all files, the oldest first:
    `accounts audit verify archive/audit.log.1 audit.log`.
    """
    from accounts_bank.app import opened_journal  # noqa: PLC0415 - the composition root stands above this package

    settings = read_settings()
    paths = list(logs) or parts_of(Path(settings.AUDIT_LOG))
    if not paths[-1].is_file():
        raise NoBank(f"There is no audit log in {paths[-1]}.")
    click.echo(f"Read {', '.join(map(str, paths))}.")
    key_path = Path(settings.AUDIT_KEY_FILE) if settings.AUDIT_KEY_FILE else None
    try:
        with opened_journal(settings) as journal:
            count, fault = verify_log(paths, key_path, journal)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}.") from error
    if fault:
        click.echo(f"The audit log is not whole: {fault}. Right before that: {count} lines.")
        sys.exit(1)
    click.echo(f"The audit log is whole: {count} lines.")
