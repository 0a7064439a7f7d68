"""The composition root: the one place that builds the stores, the collections and the API.

`flask run` and `accounts serve` both call `create_app`.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from flask import Flask, redirect

from accounts_bank import web
from accounts_bank.api import create_api
from accounts_bank.audit.background import SealingThread
from accounts_bank.audit.comparison import Contents
from accounts_bank.audit.inheritance import inherited
from accounts_bank.audit.log import AuditLog
from accounts_bank.audit.opening import LogSettings, open_log
from accounts_bank.audit.sealer import MEMORY_PACE, Pace, Sealer
from accounts_bank.audit.verifier import Verifier
from accounts_bank.collections.client import Clock, keyed_id, with_time_of
from accounts_bank.collections.due_work import DueWork
from accounts_bank.collections.passwords import Passwords
from accounts_bank.collections.runner import Runner
from accounts_bank.composition import (
    DUE_POLL_S,
    Process,
    event_feed,
    first_sandbox_bank,
    join_collections,
    lasting_bank,
    random_id,
    sandbox_bank,
    trust,
    with_demo,
)
from accounts_bank.config import Settings, load_settings
from accounts_bank.errors import UsernameTaken
from accounts_bank.http.bank import Bank
from accounts_bank.http.banks import Banks
from accounts_bank.http.gauges import register_gauges
from accounts_bank.http.middleware import InFlight
from accounts_bank.http.rate_limits import RateLimits
from accounts_bank.identity import username_key
from accounts_bank.logging_config import configure_logging
from accounts_bank.observability.observer import Observer
from accounts_bank.observability.prometheus import Metrics
from accounts_bank.progress import Tell, quiet
from accounts_bank.sandbox import demo
from accounts_bank.seed_file import Located
from accounts_bank.seeding import Seeding
from accounts_bank.stores import factory
from accounts_bank.stores.backend import Stores
from accounts_bank.stores.base import AccountStore, Journal
from accounts_bank.stores.factory import copy_stores, open_stores, require_bank, upgrade_stores
from accounts_bank.stores.memory import InMemoryJournal
from accounts_bank.stores.wrappers.clock import READ_EVERY_S, StoreClock, timed

DURABLE_PACE = Pace(batch_delay_s=0.25, poll_s=0.3)
"""Each round of sealing costs a durable store two commits. A poll finds the items of processes that
were killed."""


SEED_NUMBER_MAX = 20_000
"""The last number of a database whose state at the start becomes the seed of its sandbox."""


FIRST_ID = "00000000-0000"
"""The ids of the settings' staff are hashes of their names, and precede the ids of all others."""


def _now() -> datetime:
    return datetime.now(UTC)


def _steady_s() -> float:
    """Return the seconds since the machine's start; Linux counts its sleep too."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _clock_of(store: AccountStore, *, is_durable: bool) -> StoreClock:
    every_s = READ_EVERY_S if is_durable else None
    return StoreClock(store, system=_now, steady_s=_steady_s, read_every_s=every_s)


def create_app(
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    passwords: Passwords | None = None,
    clock: Clock | None = None,
    logs: bool = True,
) -> Flask:
    """Build the bank's Flask application and start its due work.

    `settings` are complete, or a mapping that overrides `config.json` and the environment.
    `passwords` and `clock` replace the password hasher and the store's time, for tests. Without
    `logs` the logging of the process stays as it is.

    :raises SettingsError: the bank cannot start with these settings; the text says how to mend it.
    """
    if not isinstance(settings, Settings):
        settings = load_settings(settings)
    if logs:
        configure_logging(settings)
    passwords = passwords or Passwords()
    bank = create_bank(settings, passwords, clock)
    banks = Banks(
        settings.SANDBOX_BANKS, partial(sandbox_bank, passwords=passwords, clock=clock or _now)
    )
    _add_staff(bank, passwords)
    if bank.sandbox:
        if bank.audit.journal.head().number <= SEED_NUMBER_MAX:
            bank.sandbox.begin()
        bank.runner.add(banks)
    app = create_api(bank, banks)
    if "cookies" in settings.JWT_TOKEN_LOCATION:
        web.register(app)
    else:
        app.add_url_rule("/", "begin", partial(redirect, "/docs", 303))
    bank.runner.add(bank.due_work)
    if settings.is_durable:
        bank.runner.add(bank.users.keys.uses)
    bank.runner.start()
    return app


def _add_staff(bank: Bank, passwords: Passwords) -> None:
    """Add each member of staff once: the id follows from the name, and one that left keeps it."""
    for staff in bank.settings.STAFF:
        with suppress(UsernameTaken):
            password_hash = staff.password_hash or passwords.hash(staff.password)
            user_id = with_time_of(keyed_id("staff", username_key(staff.username)), FIRST_ID)
            bank.users.add(staff.username, password_hash, role=staff.role, user_id=user_id)


def create_bank(settings: Settings, passwords: Passwords, clock: Clock | None = None) -> Bank:
    """Build the stores and the collections of a bank. Its due work is not started yet."""
    observer = Metrics()
    if settings.SANDBOX and not settings.is_durable:
        return first_sandbox_bank(settings, passwords, clock or _now, observer)
    is_durable = settings.is_durable
    stores = _opened_stores(settings, observer)
    if settings.SANDBOX:
        return _lasting_sandbox(settings, passwords, clock or _now, observer, stores)
    check_clock = trust
    if clock is None:
        clock = _clock_of(stores.accounts, is_durable=is_durable)
        stores, check_clock = timed(stores, clock), clock.check
    key_file, traffic = _key_file(settings), InFlight()
    sealer = _sealer(settings, stores, _audit_log(settings, key_file, stores.journal), traffic)
    saved, poll_s = sealer.notify, DUE_POLL_S if is_durable else None
    due_work = DueWork(stores.accounts, clock=clock, on_saved=saved, poll_s=poll_s)
    parts = stores.users, stores.accounts
    join = partial(join_collections, *parts, settings, passwords, saved, due_work.expect)
    users, accounts = join(clock, random_id)
    demo_users = demo.prepare(join, clock(), settings.DEMO_SEED, passwords) if settings.DEMO else ()
    bank = Bank(
        users=users,
        accounts=accounts,
        audit=sealer,
        events=event_feed(stores, sealer),
        verifier=Verifier(Contents(*parts, stores.journal), sealer, key_file),
        limits=RateLimits(settings, stores.counters),
        traffic=traffic,
        settings=settings,
        observer=observer,
        runner=Runner(),
        due_work=due_work,
        clock=clock,
        close_stores=stores.close,
        check_clock=check_clock,
        demo_users=demo_users,
    )
    register_gauges(bank)
    return bank


def _opened_stores(settings: Settings, observer: Observer) -> Stores:
    stores = open_stores(settings.STORE_URL, observer)
    if isinstance(stores.journal, InMemoryJournal):
        stores.journal.warn_from(settings.MEMORY_ENTRIES_WARNED)
    return stores


def _lasting_sandbox(
    settings: Settings, passwords: Passwords, clock: Clock, observer: Observer, stores: Stores
) -> Bank:
    """Build the first bank of a sandbox on a database."""
    traffic, limits = InFlight(), RateLimits(settings, stores.counters)
    process = Process(settings, passwords, clock, observer, traffic, Runner(), limits)
    sealer = _sealer(settings, stores, None, traffic)  # a restore takes numbers back
    return with_demo(*lasting_bank(process, stores, sealer), passwords, clock)


def _key_file(settings: Settings) -> Path | None:
    return Path(settings.AUDIT_KEY_FILE) if settings.AUDIT_KEY_FILE else None


def _sealer(settings: Settings, stores: Stores, log: AuditLog | None, traffic: InFlight) -> Sealer:
    is_durable = settings.is_durable
    return Sealer(
        stores.journal,
        log,
        in_background=(lambda: True) if is_durable else traffic.is_busy,
        pace=DURABLE_PACE if is_durable else MEMORY_PACE,
        thread=SealingThread(),
    )


def _audit_log(settings: Settings, key_file: Path | None, journal: Journal) -> AuditLog | None:
    if not settings.AUDIT_LOG:
        return None
    where = LogSettings(Path(settings.AUDIT_LOG), key_file, settings.is_durable)
    return open_log(where, journal, _now(), random_id())


@contextmanager
def opened_journal(settings: Settings) -> Iterator[Journal | None]:
    """Open the numbers of an existing bank; None for a bank in memory.

    :raises SettingsError: there is no bank, or the store does not answer.
    """
    if not settings.is_durable:
        yield None
        return
    require_bank(settings.STORE_URL)
    with closing(open_stores(settings.STORE_URL, Observer())) as stores:
        yield stores.journal


def upgrade(settings: Settings, tell: Tell = quiet) -> None:
    """Migrate the schema of the stores in `STORE_URL` to this version.

    The journal of version 0.1 gets its numbers from the audit log.

    :param tell: gets the progress.
    :raises SettingsError: a store cannot be reached, holds another schema, or disagrees with the
        audit log.
    """
    path = Path(settings.AUDIT_LOG) if settings.AUDIT_LOG else None
    lines = inherited(path, _key_file(settings), tell) if path else ()
    upgrade_stores(settings.STORE_URL, lines)


def copy(settings: Settings, to_url: str, proving: Tell = quiet) -> Iterator[tuple[int, int]]:
    """Copy the stores in `STORE_URL` to the empty stores at `to_url`.

    :param proving: gets the progress of the proof, which comes first.
    :return: after each batch, the number of copied items and the total.
    :raises SettingsError: the copy is refused; the text says why.
    """
    return copy_stores(settings.STORE_URL, to_url, proving)


def copy_snapshot(file: Path, to_url: str, proving: Tell = quiet) -> Iterator[tuple[int, int]]:
    """Copy the file of a sandbox snapshot to the empty stores at `to_url`, as `copy` does."""
    return factory.copy_snapshot(file, to_url, proving)


def seed(
    settings: Settings, passwords: Passwords, found: Located, proving: Tell = quiet
) -> Iterator[tuple[int, int]]:
    """Write a seed file into a bank in memory, and copy it to the empty stores in `STORE_URL`.

    :param proving: gets the progress of the proof, which comes first.
    :return: as `copy` does.
    :raises SettingsError: the file is wrong, and the text names the line; or the copy is refused.
    """
    settings = msgspec.structs.replace(settings, CUSTOMER_CASH=True)
    seeding = Seeding(found, passwords, now=_now(), id_seed=random_id())

    def build(stores: Stores) -> None:
        parts = stores.users, stores.accounts, settings, passwords
        seeding.write(partial(join_collections, *parts, lambda _count: None, lambda _at: None))
        Sealer(stores.journal, None, in_background=lambda: False).number()

    return factory.copy_built(build, settings.STORE_URL, proving)
