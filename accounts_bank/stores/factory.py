"""`open_stores`: the stores that a URL names. `BACKENDS` is the one list of URL schemes."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from time import sleep
from typing import cast

from msgspec import Struct

from accounts_bank.errors import NoBank, SettingsError
from accounts_bank.observability.observer import Observer
from accounts_bank.progress import Tell, quiet
from accounts_bank.stores.backend import BackendModule, Inherited, Stores
from accounts_bank.stores.migration import copied
from accounts_bank.stores.snapshot_file import load_lines
from accounts_bank.stores.urls import check_url, shown
from accounts_bank.stores.wrappers.group_commit import GroupCommit
from accounts_bank.stores.wrappers.instrumented import (
    CountedAccountStore,
    InstrumentedAccountStore,
    InstrumentedUserStore,
)
from accounts_bank.stores.wrappers.offloaded import OffloadedAccountStore, OffloadedUserStore
from accounts_bank.stores.wrappers.user_cache import UserCache

MEMORY_URL = "memory://"
LOOKS, LOOK_AGAIN_S = 10, 0.1
"""A server lists the connections of a process for a moment after its end."""


class Backend(Struct, frozen=True):
    """A row of the table.

    `module` defines the functions of `BackendModule` and is imported when a URL names it.
    `example` shows the URL. `extra` installs the driver. A backend that is not durable keeps its
    data in one process, and its URL is the scheme alone.
    """

    module: str
    example: str
    extra: str = ""
    is_durable: bool = True


_MONGO = Backend("accounts_bank.stores.mongo", "mongodb://...", extra="mongo")

BACKENDS: dict[str, Backend] = {
    "memory": Backend("accounts_bank.stores.memory", MEMORY_URL, is_durable=False),
    "sqlite": Backend("accounts_bank.stores.sql", "sqlite:///FILE"),
    "postgresql": Backend("accounts_bank.stores.sql", "postgresql://...", extra="postgres"),
    "mongodb": _MONGO,
    "mongodb+srv": _MONGO,
}
"""URL scheme -> backend."""


def backend_of(url: str) -> Backend:
    """Return the backend of a URL.

    :raises SettingsError: no backend has this scheme, or its driver could not read the URL.
    """
    scheme, separator, rest = url.partition("://")
    backend = BACKENDS.get(scheme) if separator else None
    if backend is None or (rest and not backend.is_durable):
        *first, last = dict.fromkeys(each.example for each in BACKENDS.values())
        known = f"{', '.join(first)} or {last}"
        given = f"is {scheme}://..." if separator else "has no scheme"
        raise SettingsError(f"STORE_URL {given}: this version knows {known}.")
    if backend.is_durable:
        check_url(url)
    return backend


def open_stores(url: str, observer: Observer) -> Stores:
    """Open the stores at `url`; they report to `observer`.

    Calls of a database run in another thread, concurrent appends share a commit, and users are
    cached for a moment.

    :raises SettingsError: the store does not answer, or would lose acknowledged commits.
    """
    backend = backend_of(url)
    with _module(backend) as module:
        opened = module.open_stores(url, observer)
    if not backend.is_durable:
        return opened._replace(accounts=CountedAccountStore(opened.accounts, observer))
    users = UserCache(InstrumentedUserStore(OffloadedUserStore(opened.users), observer))
    accounts = InstrumentedAccountStore(OffloadedAccountStore(opened.accounts), observer)
    shared = opened._replace(users=users, accounts=GroupCommit(accounts, observer))
    return shared.replacing(opened.replace, users.forget) if opened.replace else shared


def require_bank(url: str) -> None:
    """Check that `url` holds a bank, and create none.

    :raises NoBank: it holds none, or is not there.
    :raises SettingsError: the store does not answer.
    """
    with _module(backend_of(url)) as module:
        if not module.holds_bank(url):
            raise NoBank(f"There is no bank in {shown(url)}.")


def require_stopped(url: str) -> None:
    """Check that no process has the bank at `url` open.

    :raises SettingsError: a process has it open, or the store does not answer.
    """
    with _module(backend_of(url)) as module:
        for _ in range(LOOKS):
            if not module.is_in_use(url):
                return
            sleep(LOOK_AGAIN_S)
    raise SettingsError(f"A bank has {shown(url)} open. Stop it, then copy again.")


def upgrade_stores(url: str, inherited: Inherited = ()) -> None:
    """Bring the schema of the stores at `url` up to date, as `BackendModule` says.

    :raises SettingsError: the store does not answer, holds something else, or disagrees with
        `inherited`.
    """
    with _module(backend_of(url)) as module:
        module.upgrade(url, inherited)


def copy_stores(from_url: str, to_url: str, proving: Tell = quiet) -> Iterator[tuple[int, int]]:
    """Copy all data from one URL to another, and compare; stop the bank first.

    :param proving: gets the progress of the proof, which comes first.
    :returns: for each step the number of copied items, and the number of all items.
    :raises SettingsError: the books are wrong, an entry is not in the audit log yet, or the
        target is not empty.
    """
    source, target = backend_of(from_url), backend_of(to_url)
    for backend in (source, target):
        if not backend.is_durable:
            raise SettingsError(
                f"{backend.example} is in its own process: nothing is copied from or to it."
            )
    with _module(source) as module:
        opened = module.open_stores(from_url, Observer())
    with closing(opened), _module(target) as module, module.restore(to_url) as restored:
        yield from copied(opened, restored, proving)


def copy_snapshot(file: Path, to_url: str, proving: Tell = quiet) -> Iterator[tuple[int, int]]:
    """Copy the snapshot of a sandbox bank to an empty store, and compare.

    :returns: as `copy_stores`.
    :raises SettingsError: the file is no whole snapshot, or the target is not empty.
    """

    def load(source: Stores) -> None:
        try:
            with file.open("rb") as lines:
                load_lines(lines, source)
        except OSError as error:
            raise SettingsError(f"{file} cannot be read ({error.strerror}).") from error

    return copy_built(load, to_url, proving)


def copy_built(
    build: Callable[[Stores], None], to_url: str, proving: Tell = quiet
) -> Iterator[tuple[int, int]]:
    """Build a bank in memory, copy it to an empty store, and compare.

    :returns: as `copy_stores`.
    :raises SettingsError: `build` refuses, or the target is not empty.
    """
    target = backend_of(to_url)
    with _module(BACKENDS["memory"]) as module:
        source = module.open_stores(MEMORY_URL, Observer())
    build(source)
    with _module(target) as module, module.restore(to_url) as restored:
        yield from copied(source, restored, proving)


@contextmanager
def _module(backend: Backend) -> Iterator[BackendModule]:
    """Import the module of a backend; a missing driver is named with its extra."""
    try:
        yield cast("BackendModule", import_module(backend.module))
    except ModuleNotFoundError as error:
        extra = f"install the extra, `accounts-bank[{backend.extra}]`"
        raise SettingsError(f"STORE_URL needs {error.name}: {extra}.") from error
