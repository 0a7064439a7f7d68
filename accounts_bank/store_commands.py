"""The commands on the store of a bank: upgrade, copy, seed and verify."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path

import click

from accounts_bank.collections.passwords import Passwords
from accounts_bank.config import Settings, load_settings, read_settings
from accounts_bank.config_shown import url_of
from accounts_bank.errors import SettingsError
from accounts_bank.http.bank import Bank
from accounts_bank.progress import Tell
from accounts_bank.progress import shown as shown_progress
from accounts_bank.seed_file import read_located
from accounts_bank.stores.factory import require_bank, require_stopped
from accounts_bank.stores.urls import shown

COPIED = "Copied and compared: set STORE_URL to the new store"


@click.command("upgrade")
def upgrade_store() -> None:
    """Bring the schema of the store up to date; stop the bank first."""
    from accounts_bank.app import upgrade  # noqa: PLC0415 - the composition root stands above this package

    settings = read_settings()
    require_bank(settings.STORE_URL)
    with shown_progress("Upgrading", sys.stderr) as tell:
        upgrade(settings, tell)
    click.echo(f"The store is up to date: {shown(settings.STORE_URL)}.")


@click.command("copy")
@click.argument("from_url", envvar="FROM_URL")
@click.argument("to_url", envvar="TO_URL")
def copy_store(from_url: str, to_url: str) -> None:
    """Copy all users and the journal to an empty store, and compare; stop the bank first.

    FROM_URL may be the file of a sandbox snapshot. Either may be @FILE, a file that holds the
    URL, or come from the variables FROM_URL and TO_URL: no list of processes then shows a
    password. The audit log stays as it is. After an
    interruption run the same command again.
    """
    from accounts_bank.app import copy, copy_snapshot  # noqa: PLC0415 - the composition root stands above this package

    from_url, to_url = url_of(from_url), url_of(to_url)
    read_settings({"STORE_URL": to_url})
    if "://" not in from_url:
        _copy(partial(copy_snapshot, Path(from_url), to_url), COPIED)
        return
    settings = read_settings({"STORE_URL": from_url})
    if settings.is_durable:
        require_bank(from_url)
        require_stopped(from_url)
        settings = load_settings({"STORE_URL": from_url})
        click.echo(f"From {shown(from_url)} to {shown(to_url)}.")
        with opened_bank(settings, Passwords()) as bank:
            bank.audit.seal()
    _copy(partial(copy, settings, to_url), COPIED)


@click.command("seed")
@click.argument("file", type=click.Path(path_type=Path))
def seed_store(file: Path) -> None:
    """Write users, accounts and past movements from FILE into an empty store, all or nothing.

    FILE is YAML or JSON; docs/testing.md shows one. An error names the line that is wrong, and the
    store then stays empty. After an interruption run the same command again.
    """
    from accounts_bank.app import seed  # noqa: PLC0415 - the composition root stands above this package

    settings = load_settings()
    if not settings.is_durable:
        raise SettingsError(
            f"{settings.STORE_URL} lives in the serving process: set STORE_URL to a database, or "
            "use POST /v1/sandbox/banks."
        )
    _copy(partial(seed, settings, Passwords(), read_located(file)), "Seeded and compared")
    click.echo(f"The bank is in {shown(settings.STORE_URL)}.")


def _copy(begin: Callable[[Tell], Iterator[tuple[int, int]]], done_text: str) -> None:
    with shown_progress("Proving", sys.stderr) as tell:
        steps = begin(tell)
        first = next(steps, None)
    with shown_progress("Copying", sys.stderr, unit="items") as tell:
        for done, total in chain([first] if first else [], steps):
            tell(done, total)
    click.echo(f"{done_text}.")


@click.command("verify")
def verify_books() -> None:
    """Verify the books and the audit log; print the first fault and exit with 1 if there is one.

    The bank may run meanwhile. For a bank in memory use GET /v1/integrity instead.
    """
    settings = read_settings()
    if not settings.is_durable:
        raise SettingsError(
            f"{settings.STORE_URL} lives in the serving process: use GET /v1/integrity."
        )
    require_bank(settings.STORE_URL)
    with (
        opened_bank(load_settings(), Passwords()) as bank,
        shown_progress("Verifying", sys.stderr) as tell,
    ):
        report = bank.verifier.verify(tell)
    click.echo(
        f"{report.accounts} accounts, {report.entries} entries, {report.lines} lines, "
        f"{report.audit_lines} lines of the audit log."
    )
    click.echo(f"Read {shown(settings.STORE_URL)} and {settings.AUDIT_LOG}.")
    if not report.ok:
        click.echo(f"The books are wrong: {report.fault}.")
        sys.exit(1)
    click.echo("The books are right.")


@contextmanager
def opened_bank(settings: Settings, passwords: Passwords) -> Iterator[Bank]:
    """Open the bank of the settings, beside the processes that serve it."""
    from accounts_bank.app import create_bank  # noqa: PLC0415 - the composition root stands above this package

    bank = create_bank(settings, passwords)
    try:
        yield bank
    finally:
        bank.close()


STORE_COMMANDS = (upgrade_store, copy_store, seed_store, verify_books)
