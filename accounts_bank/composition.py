"""How the collections of a bank are joined, and a sandbox bank in memory. `app.py` uses both."""

import os
import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from msgspec.structs import replace
from uuid_utils import uuid7

from accounts_bank.audit.comparison import Contents
from accounts_bank.audit.sealer import Sealer
from accounts_bank.audit.verifier import Verifier
from accounts_bank.collections.accounts import AccountCollection
from accounts_bank.collections.approvals import FourEyes
from accounts_bank.collections.client import Clock, NewId, OnDue, OnSaved
from accounts_bank.collections.due_work import DueWork
from accounts_bank.collections.passwords import Passwords
from accounts_bank.collections.runner import Runner
from accounts_bank.collections.users import UserCollection
from accounts_bank.concurrency.greenlets import FairLock
from accounts_bank.config import Settings
from accounts_bank.events.feed import EventFeed
from accounts_bank.http.bank import Bank
from accounts_bank.http.banks import Plan
from accounts_bank.http.gauges import register_gauges
from accounts_bank.http.middleware import InFlight
from accounts_bank.http.rate_limits import RateLimits
from accounts_bank.observability.observer import Observer
from accounts_bank.sandbox import demo
from accounts_bank.sandbox.actors import ActingAccountStore, Actors
from accounts_bank.sandbox.clock import BankClock
from accounts_bank.sandbox.control import Part, Sandbox
from accounts_bank.sandbox.faults import Faults
from accounts_bank.sandbox.ids import SeededIds
from accounts_bank.sandbox.stored_clock import lasting_clock
from accounts_bank.sandbox.vault import MemoryVault, StoreVault, Vault
from accounts_bank.stores.backend import Stores
from accounts_bank.stores.base import AccountStore, UserStore
from accounts_bank.stores.memory import InMemoryCounters
from accounts_bank.stores.wrappers.instrumented import CountedAccountStore

DUE_POLL_S = 0.5
"""The pause between two looks for due work that other processes saved in a durable store."""

TILLS = 16
"""The number of cash accounts that the processes share, so that they rarely collide."""


def event_feed(stores: Stores, sealer: Sealer) -> EventFeed:
    """Build the feed of a bank; new numbers wake its readers."""
    feed = EventFeed(stores.journal, stores.accounts, sealer.number)
    sealer.on_numbered = feed.rung
    return feed


Join = Callable[[Clock, NewId], tuple[UserCollection, AccountCollection]]


def trust() -> None:
    """Take an injected clock, or that of a sandbox, as right."""


def random_id() -> str:
    """Return a new id, a UUIDv7."""
    return str(uuid7())


def first_sandbox_bank(
    settings: Settings, passwords: Passwords, clock: Clock, observer: Observer
) -> Bank:
    """Build the first bank of a sandbox, in memory."""
    limits = RateLimits(settings, InMemoryCounters())
    process = Process(settings, passwords, clock, observer, InFlight(), Runner(), limits)
    return with_demo(*memory_bank(process), passwords, clock)


def with_demo(bank: Bank, join: Join, passwords: Passwords, clock: Clock) -> Bank:
    """Write the demo into a new bank where the settings say so; register its gauges."""
    settings = bank.settings
    users = demo.prepare(join, clock(), settings.DEMO_SEED, passwords) if settings.DEMO else ()
    bank = replace(bank, demo_users=users)
    register_gauges(bank)
    return bank


def sandbox_bank(plan: Plan, *, passwords: Passwords, clock: Clock) -> Bank:
    """Build a bank in memory beside others, without users."""
    parent, bank_id = plan.parent, random_id()
    process = Process(
        parent.settings,
        passwords,
        clock,
        parent.observer,
        parent.traffic,
        parent.runner,
        parent.limits.of_bank(parent.settings, bank_id),
    )
    bank, _ = memory_bank(process, bank_id, parent.id, plan.seed)
    if plan.now is not None and plan.saved is None and bank.sandbox:
        bank.sandbox.begin_at(plan.now)
    return bank


class Process(NamedTuple):
    """The parts that the banks of a process share, and the limits of one of them."""

    settings: Settings
    passwords: Passwords
    clock: Clock
    observer: Observer
    traffic: InFlight
    runner: Runner
    limits: RateLimits

    def shared(self) -> dict[str, Any]:
        """Return the parts that a bank holds, by the name of its field."""
        names = ("settings", "observer", "traffic", "runner", "limits")
        return {name: getattr(self, name) for name in names}


def memory_bank(
    process: Process, bank_id: str = "", parent_id: str | None = None, seed: str | None = None
) -> tuple[Bank, Join]:
    """Build a sandbox bank in memory; return it and a function that joins other collections to it.

    It has no thread and no file: a caller seals its own items, the runner is the process's.

    :param seed: of its ids; None for a random one.
    """
    vault, clock = MemoryVault(FairLock()), BankClock(process.clock)
    vault.journal.warn_from(process.settings.MEMORY_ENTRIES_WARNED)
    accounts = CountedAccountStore(vault.accounts, process.observer)
    stores = vault.stores(process.limits.counters)._replace(accounts=accounts)
    sealer = Sealer(vault.journal, None, in_background=lambda: False)
    bank = _Foundation(process, stores, sealer, vault, clock)
    return bank.build(bank_id=bank_id, parent_id=parent_id, seed=seed)


def lasting_bank(
    process: Process, stores: Stores, sealer: Sealer, seed: str | None = None
) -> tuple[Bank, Join]:
    """Build the first bank of a sandbox on a database, whose clock lasts too.

    :param seed: of its ids; None for a random one.
    """
    clock = lasting_clock(process.clock, stores.journal)
    vault = StoreVault(stores, sealer.seal)
    return _Foundation(process, stores, sealer, vault, clock, DUE_POLL_S).build(seed=seed)


class _Foundation(NamedTuple):
    """The parts on which a sandbox bank is built."""

    process: Process
    stores: Stores
    sealer: Sealer
    vault: Vault
    clock: BankClock
    poll_s: float | None = None

    def build(
        self, *, bank_id: str = "", parent_id: str | None = None, seed: str | None = None
    ) -> tuple[Bank, Join]:
        """Build the bank; return it and a function that joins other collections to it."""
        process, stores, sealer, vault, clock, poll_s = self
        seed = secrets.token_hex(16) if seed is None else seed
        ids, faults = SeededIds(clock, seed), Faults(process.clock, clock, seed)
        saved, is_frozen = sealer.notify, clock.is_standing
        books = ActingAccountStore(stores.accounts)
        due_work = DueWork(books, clock=clock, on_saved=saved, poll_s=poll_s, is_frozen=is_frozen)
        books.expect = due_work.expect
        joined = partial(join_collections, stores.users, books, process.settings)
        shared = partial(joined, process.passwords, saved, due_work.expect)
        join = partial(shared, session_clock=process.clock)
        users, accounts = join(clock, ids)
        parts: dict[str, Part] = {"clock": clock, "ids": ids}
        bank = Bank(
            id=bank_id,
            users=users,
            accounts=accounts,
            audit=sealer,
            events=event_feed(stores, sealer),
            verifier=Verifier(Contents(*stores[:3]), sealer, None),
            **process.shared(),
            due_work=due_work,
            clock=clock,
            close_stores=stores.close,
            check_clock=trust,
            sandbox=Sandbox(
                clock,
                due_work,
                vault,
                faults=faults,
                actors=Actors(partial(join, clock)),
                parts=parts,
                forget=accounts.forget,
                parent_id=parent_id,
            ),
        )
        return bank, join


def join_collections(  # noqa: PLR0913, PLR0917 - all dependencies of the collections
    user_store: UserStore,
    account_store: AccountStore,
    settings: Settings,
    passwords: Passwords,
    on_saved: OnSaved,
    on_due: OnDue,
    clock: Clock,
    new_id: NewId,
    session_clock: Clock | None = None,
) -> tuple[UserCollection, AccountCollection]:
    """Join the collections of a bank."""
    accounts = AccountCollection(
        account_store,
        clock=clock,
        new_id=new_id,
        on_saved=on_saved,
        customer_cash=settings.CUSTOMER_CASH,
        till=os.getpid() % TILLS if settings.is_durable and not settings.SANDBOX else 0,
        on_due=on_due,
        four_eyes=FourEyes(
            settings.FOUR_EYES_CASH_ABOVE_MINOR, settings.FOUR_EYES, settings.APPROVAL_EXPIRES_S
        ),
    )
    users = UserCollection(
        user_store,
        accounts,
        passwords=passwords,
        clock=clock,
        new_id=new_id,
        session_lasts=timedelta(seconds=settings.JWT_REFRESH_TOKEN_EXPIRES),
        on_saved=on_saved,
        session_clock=session_clock,
        new_session_id=random_id,
        idle_max=timedelta(seconds=settings.PAGE_IDLE_S),
    )
    return users, accounts
