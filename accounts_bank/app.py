"""The composition root: the one place that builds the stores, the collections and the API.

`flask run` and `accounts serve` both call `create_app`.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from flask import Flask, redirect
from uuid_utils import uuid7

from accounts_bank import web
from accounts_bank.api import create_api
from accounts_bank.audit.log import AuditLog
from accounts_bank.audit.sealer import BATCH_DELAY_S, POLL_S, Sealer
from accounts_bank.audit.verifier import Verifier
from accounts_bank.collections.accounts import AccountCollection
from accounts_bank.collections.client import Clock, OnSaved
from accounts_bank.collections.due_work import Runner
from accounts_bank.collections.passwords import Passwords
from accounts_bank.collections.users import UserCollection
from accounts_bank.config import Settings, load_settings
from accounts_bank.errors import UsernameTaken
from accounts_bank.http.bank import Bank
from accounts_bank.http.gauges import register_gauges
from accounts_bank.http.middleware import InFlight
from accounts_bank.http.rate_limits import RateLimits
from accounts_bank.logging_config import configure_logging
from accounts_bank.observability.prometheus import Metrics
from accounts_bank.sandbox import demo
from accounts_bank.stores.backend import Stores
from accounts_bank.stores.base import AccountStore, UserStore
from accounts_bank.stores.factory import copy_stores, open_stores, upgrade_stores
from accounts_bank.stores.wrappers.clock import READ_EVERY_S, StoreClock, timed

BATCH_DELAY_DURABLE_S = 0.25
"""The delay of a durable store's sealer: each round of sealing costs two commits."""

TILLS = 16
"""The number of cash accounts that the processes share, so that they rarely collide."""

RUNNER_PAUSE_S, RUNNER_PAUSE_DURABLE_S = 0.2, 1
"""The mean pause between two polls for due work; a durable store is behind a network."""


def _now() -> datetime:
    return datetime.now(UTC)


def _steady_s() -> float:
    """Return the seconds since the machine's start; Linux counts its sleep too."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _trust() -> None:
    """Take an injected clock as right."""


def _clock_of(store: AccountStore, *, is_durable: bool) -> StoreClock:
    every_s = READ_EVERY_S if is_durable else None
    return StoreClock(store, system=_now, steady_s=_steady_s, read_every_s=every_s)


def _new_id() -> str:
    return str(uuid7())


def create_app(
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    passwords: Passwords | None = None,
    clock: Clock | None = None,
) -> Flask:
    """Build the bank's Flask application and start its due work.

    `settings` are complete, or a mapping that overrides `config.json` and the environment.
    `passwords` and `clock` replace the password hasher and the store's time, for tests.

    :raises SettingsError: the bank cannot start with these settings; the text says how to mend it.
    """
    if not isinstance(settings, Settings):
        settings = load_settings(settings)
    configure_logging(settings)
    passwords = passwords or Passwords()
    bank = create_bank(settings, passwords, clock)
    for staff in settings.STAFF:
        with suppress(UsernameTaken):
            password_hash = staff.password_hash or passwords.hash(staff.password)
            bank.users.add(staff.username, password_hash, role=staff.role)
    app = create_api(bank)
    if "cookies" in settings.JWT_TOKEN_LOCATION:
        web.register(app)
    else:
        app.add_url_rule("/", "begin", partial(redirect, "/docs", 303))
    bank.runner.start()
    return app


def create_bank(settings: Settings, passwords: Passwords, clock: Clock | None = None) -> Bank:
    """Build the stores and the collections of a bank. Its due work is not started yet."""
    observer = Metrics()
    is_durable = settings.is_durable
    stores = open_stores(settings.STORE_URL, observer)
    check_clock = _trust
    if clock is None:
        clock = _clock_of(stores.accounts, is_durable=is_durable)
        stores, check_clock = timed(stores, clock), clock.check
    key_file, traffic = _key_file(settings), InFlight()
    sealer = _sealer(settings, stores, key_file, traffic)
    join = partial(_collections, stores.users, stores.accounts, settings, passwords, sealer.notify)
    users, accounts = join(clock, _new_id)
    demo_users = demo.prepare(join, clock(), settings.DEMO_SEED, passwords) if settings.DEMO else ()
    verifier = Verifier(stores.accounts, sealer, key_file)
    runner = Runner(
        stores.accounts, clock=clock, on_saved=sealer.notify, pause_s=_pauses(is_durable)
    )
    bank = Bank(
        users=users,
        accounts=accounts,
        audit=sealer,
        verifier=verifier,
        limits=RateLimits(settings, stores.counters),
        traffic=traffic,
        settings=settings,
        observer=observer,
        runner=runner,
        clock=clock,
        close_stores=stores.close,
        check_clock=check_clock,
        demo_users=demo_users,
    )
    register_gauges(bank)
    return bank


def _key_file(settings: Settings) -> Path | None:
    return Path(settings.AUDIT_KEY_FILE) if settings.AUDIT_KEY_FILE else None


def _sealer(settings: Settings, stores: Stores, key_file: Path | None, traffic: InFlight) -> Sealer:
    is_durable = settings.is_durable
    return Sealer(
        _audit_log(settings, key_file, sync=is_durable),
        (stores.users, stores.accounts),
        in_background=(lambda: True) if is_durable else traffic.is_busy,
        batch_delay_s=BATCH_DELAY_DURABLE_S if is_durable else BATCH_DELAY_S,
        poll_s=POLL_S if is_durable else None,
    )


def _audit_log(settings: Settings, key_file: Path | None, *, sync: bool) -> AuditLog | None:
    if not settings.AUDIT_LOG:
        return None
    return AuditLog(Path(settings.AUDIT_LOG), key_file, sync=sync)


def _pauses(is_durable: bool) -> Callable[[], float]:  # noqa: FBT001
    """Return a function that gives the runner's next pause in seconds.

    The pauses are random, so that processes take turns. The generator is private, because tests
    seed the shared one.
    """
    pause_s = RUNNER_PAUSE_DURABLE_S if is_durable else RUNNER_PAUSE_S
    return partial(Random().uniform, pause_s / 2, pause_s * 3 / 2)  # noqa: S311


def upgrade(settings: Settings) -> None:
    """Migrate the schema of the stores in `STORE_URL` to this version.

    :raises SettingsError: a store cannot be reached, or it holds another schema.
    """
    upgrade_stores(settings.STORE_URL)


def copy(settings: Settings, to_url: str) -> Iterator[tuple[int, int]]:
    """Copy the stores in `STORE_URL` to the empty stores at `to_url`.

    :return: after each batch, the number of copied items and the total.
    :raises SettingsError: the copy is refused; the text says why.
    """
    return copy_stores(settings.STORE_URL, to_url)


def _collections(  # noqa: PLR0913, PLR0917 - all dependencies of the collections
    user_store: UserStore,
    account_store: AccountStore,
    settings: Settings,
    passwords: Passwords,
    on_saved: OnSaved,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
) -> tuple[UserCollection, AccountCollection]:
    accounts = AccountCollection(
        account_store,
        clock=clock,
        new_id=new_id,
        on_saved=on_saved,
        customer_cash=settings.CUSTOMER_CASH,
        till=os.getpid() % TILLS if settings.is_durable else 0,
    )
    users = UserCollection(
        user_store,
        accounts,
        passwords=passwords,
        clock=clock,
        new_id=new_id,
        session_lasts=timedelta(seconds=settings.JWT_REFRESH_TOKEN_EXPIRES),
        on_saved=on_saved,
    )
    return users, accounts
