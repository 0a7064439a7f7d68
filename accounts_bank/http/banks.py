"""The sandbox banks of a process, each under a path prefix.

    GET /banks/<id>/v1/accounts
        SCRIPT_NAME /banks/<id>     PATH_INFO /v1/accounts     accounts.bank <the bank>

A path with an unknown id stays as it is, and no route matches it.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from threading import Lock
from time import monotonic

from msgspec import Struct

from accounts_bank.errors import NotFound, SandboxFull
from accounts_bank.http.bank import BANK, Bank, sandbox_of
from accounts_bank.http.middleware import BANK_ID
from accounts_bank.identity import Session, User
from accounts_bank.observability.wsgi import Application, Environment, StartResponse
from accounts_bank.sandbox.control import EMPTY, SEED, Saved
from accounts_bank.sandbox.people import Joined, NewUser, enter_admin, join, rejoin

BANKS_EXTENSION = "accounts.banks"
PREFIX = "/banks/"
IDLE_MAX_S = 3_600.0
"""A bank without a request for this long is deleted."""
SWEEP_S = 60.0

logger = logging.getLogger(__name__)


class Plan(Struct, frozen=True, kw_only=True):
    """A bank to make.

    :param parent: the bank that it is made in.
    :param seed: None for a random one.
    :param saved: the snapshot that it begins with, if any.
    :param now: the time at which its clock stands; None for real time or that of the snapshot.
    """

    parent: Bank
    seed: str | None = None
    saved: Saved | None = None
    now: datetime | None = None
    users: tuple[NewUser, ...] = ()


class Made(Struct, frozen=True):
    """A bank that was made, its admin with a session, and its users."""

    bank: Bank
    admin: tuple[User, Session]
    joined: list[Joined]


class _Entry(Struct):
    """A bank and the time of its last request, on the monotonic clock."""

    bank: Bank
    used_s: float


class Banks:
    """The banks by id. The runner calls `tick` to delete idle ones."""

    def __init__(
        self,
        banks_max: int,
        build: Callable[[Plan], Bank],
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        """Begin without banks.

        :param banks_max: the most banks.
        :param build: builds a bank in memory without users.
        :param now_s: gives the time in seconds, for tests.
        """
        self._banks_max = banks_max
        self._build = build
        self._now_s = now_s
        self._lock = Lock()
        self._entries: dict[str, _Entry] = {}
        self._reserved = 0
        self.wake: Callable[[float], None] = lambda _in_s: None

    def __len__(self) -> int:
        """Return the number of banks."""
        return len(self._entries)

    def make(self, plan: Plan) -> Made:
        """Make a bank and keep it. A bank whose making fails is gone.

        :raises SandboxFull: there are too many banks.
        :raises UsernameTaken: two users have equal names.
        :raises Refused: a rule of the ledger refuses an opening balance.
        """
        with self._lock:
            if len(self._entries) + self._reserved >= self._banks_max:
                raise SandboxFull(f"Delete a bank first: SANDBOX_BANKS allows {self._banks_max}.")
            self._reserved += 1
        try:
            made = _filled(self._build(plan), plan)
            with self._lock:
                self._entries[made.bank.id] = _Entry(made.bank, self._now_s())
        finally:
            with self._lock:
                self._reserved -= 1
        made.bank.runner.add(made.bank.due_work)
        return made

    def made_by(self, parent_id: str) -> list[Bank]:
        """Return the banks that were made in a bank, by id."""
        with self._lock:
            banks = [entry.bank for entry in self._entries.values()]
        return sorted(
            (each for each in banks if each.sandbox and each.sandbox.parent_id == parent_id),
            key=lambda each: each.id,
        )

    def delete(self, parent_id: str, bank_id: str) -> None:
        """Free a bank and the banks that were made in it.

        :raises NotFound: no such bank was made in `parent_id`.
        """
        found = next((each for each in self.made_by(parent_id) if each.id == bank_id), None)
        if found is None:
            raise NotFound
        self._free(found)

    def mount(self, environment: Environment) -> None:
        """Point a request at its bank. A second call changes nothing."""
        path: str = environment["PATH_INFO"]
        if not path.startswith(PREFIX) or BANK in environment:
            return
        bank_id, slash, rest = path.removeprefix(PREFIX).partition("/")
        entry = self._entries.get(bank_id)
        if entry is not None:
            entry.used_s = self._now_s()
            environment[BANK], environment[BANK_ID] = entry.bank, bank_id
            environment["SCRIPT_NAME"] += PREFIX + bank_id
            environment["PATH_INFO"] = (slash or "/") + rest

    def tick(self) -> float:
        """Delete idle banks; return the seconds until the next look."""
        oldest_s = self._now_s() - IDLE_MAX_S
        for entry in list(self._entries.values()):
            if entry.used_s < oldest_s:
                logger.info("bank_idle", extra={"context": {"bank_id": entry.bank.id}})
                self._free(entry.bank)
        return SWEEP_S

    def answer_readers(self) -> None:
        """Let no reader of events wait any longer."""
        for entry in list(self._entries.values()):
            entry.bank.events.bell.close()

    def close(self) -> None:
        """Free all banks."""
        for entry in list(self._entries.values()):
            self._free(entry.bank)

    def _free(self, bank: Bank) -> None:
        for child in self.made_by(bank.id):
            self._free(child)
        with self._lock:
            is_here = self._entries.pop(bank.id, None) is not None
        if is_here:
            bank.close()


def _filled(bank: Bank, plan: Plan) -> Made:
    """Add the users of a plan; keep the states `empty` and `seed`."""
    sandbox = sandbox_of(bank)
    admin = enter_admin(bank.users)
    sandbox.mark(EMPTY)
    joined: list[Joined] = []
    if plan.saved is not None:
        sandbox.take(plan.saved)
        admin = enter_admin(bank.users)
        joined = rejoin(bank.users, bank.accounts)
        if plan.now is not None:
            sandbox.set_clock("frozen", plan.now)
    joined += join(bank.users, bank.accounts, admin[0], plan.users)
    sandbox.mark(SEED)
    return Made(bank, admin, joined)


class BankMount:
    """WSGI middleware that points each request at its bank."""

    def __init__(self, application: Application, banks: Banks) -> None:
        """Wrap an application."""
        self._application = application
        self._banks = banks

    def __call__(self, environment: Environment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        self._banks.mount(environment)
        return self._application(environment, start_response)
