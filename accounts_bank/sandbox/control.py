"""The controls of a sandbox bank: its clock, snapshots, reset and digest."""

from collections.abc import Callable, Iterator
from datetime import datetime
from threading import Lock
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from accounts_bank.collections.due_work import END_OF_TIME, DueWork, Fired
from accounts_bank.errors import ClockBackward, InvalidRequest, NotFound, SandboxFull
from accounts_bank.ledger.values import Progress
from accounts_bank.sandbox.actors import Actors
from accounts_bank.sandbox.clock import BankClock, ClockState, Mode
from accounts_bank.sandbox.digest import digest
from accounts_bank.sandbox.exchanges import Exchanges
from accounts_bank.sandbox.faults import Faults
from accounts_bank.sandbox.vault import Books, Vault, admins_alone

FIRED_MAX = 10_000
"""The most due entries that one advance runs."""
SNAPSHOTS_MAX = 100
EMPTY, SEED = "empty", "seed"
"""The bank without customers, and the bank as it was made."""


class Part(Protocol):
    """A part of a bank beside its books that a snapshot holds, such as the clock."""

    def state(self) -> Any:
        """Return the state, a frozen struct."""

    def restore(self, state: Any) -> None:
        """Take over a state."""


class Saved(Struct, frozen=True):
    """A snapshot: the books and the state of each part by its name."""

    books: Books
    parts: dict[str, Any]


class Advanced(Struct, frozen=True):
    """The result of an advance; without `complete` more entries are due before its end."""

    now: datetime
    fired: list[Fired]
    next_due: datetime | None
    complete: bool


class Sandbox:
    """Controls one bank. Changes of the whole bank run one after the other."""

    def __init__(  # noqa: PLR0913 - everything it needs enters here
        self,
        clock: BankClock,
        due_work: DueWork,
        vault: Vault,
        *,
        faults: Faults,
        actors: Actors,
        parts: dict[str, Part],
        forget: Callable[[], None],
        parent_id: str | None = None,
    ) -> None:
        """Take the parts of a bank.

        :param faults: saved and restored too.
        :param actors: its payees that act by themselves.
        :param parts: saved and restored with each snapshot.
        :param forget: clears the caches of the bank after a restore.
        :param parent_id: the id of the bank that this one was made in; None for the first bank.
        """
        self._clock = clock
        self._due_work = due_work
        self._vault = vault
        self.faults, self.actors = faults, actors
        self._parts = {"faults": faults} | parts
        self._forget = forget
        self.parent_id = parent_id
        self._lock = Lock()
        self._snapshots: dict[str, Saved] = {}
        self.exchanges = Exchanges()
        """The last calls of the API. No snapshot holds them."""
        self.advanced: Advanced | None = None
        """The result of the last advance."""

    @property
    def mode(self) -> Mode:
        """The mode of the clock."""
        return self._clock.mode

    @property
    def now(self) -> datetime:
        """The time of the bank."""
        return self._clock()

    def next_due(self) -> datetime | None:
        """Return the next instant at which something is due."""
        return self._due_work.next_at()

    def set_clock(self, mode: Mode, now: datetime | None) -> None:
        """Set the clock; due work is not run here.

        :raises ClockBackward: the time would move back.
        """
        with self._lock:
            self._clock.set(mode, now)
        self._due_work.wake(0)

    def advance(self, to: Callable[[datetime, datetime | None], datetime]) -> Advanced:
        """Step through each due instant up to a time, and run what is due there.

        Two advances at once run one after the other.

        :param to: returns the end, from the present time and the next due instant.
        :raises ClockBackward: the end is past.
        """
        with self._lock, self._due_work.lock:
            now = self._clock()
            end = to(now, self._due_work.next_at())
            if end < now:
                raise ClockBackward
            with self._clock.stepping() as move_to:
                fired = self._run_until(end, move_to)
                next_at = self._due_work.next_at()
                complete = next_at is None or next_at > end
                if complete:
                    move_to(end)
            result = self.advanced = Advanced(self._clock(), fired, next_at, complete)
        self._due_work.wake(0)
        return result

    def _run_until(self, end: datetime, move_to: Callable[[datetime], None]) -> list[Fired]:
        fired: list[Fired] = []
        while len(fired) < FIRED_MAX:
            at = self._due_work.next_at()
            if at is None or at > end:
                break
            move_to(at)
            fired += self._due_work.run_at(FIRED_MAX - len(fired))
        return fired

    def digest(self) -> str:
        """Return one hash of the books and the users."""
        return digest(self._vault.users, self._vault.accounts)

    def saved(self, name: str) -> Saved:
        """Return a snapshot.

        :raises NotFound: there is none of this name.
        """
        if name not in self._snapshots:
            raise NotFound
        return self._snapshots[name]

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a snapshot as a file.

        :raises NotFound: there is none of this name.
        """
        saved = self.saved(name)
        return self._vault.lines(saved.books, saved.parts)

    def save(self, name: str) -> None:
        """Take a snapshot; one of the same name is replaced.

        :raises InvalidRequest: the name is that of a state of the bank itself.
        :raises SandboxFull: there are too many snapshots.
        """
        if name in {EMPTY, SEED}:
            raise InvalidRequest("Choose another name: the bank keeps this state itself.")
        if name not in self._snapshots and len(self._snapshots) >= SNAPSHOTS_MAX + 2:
            raise SandboxFull("Delete a snapshot first.")
        self.mark(name)

    def begin(self) -> None:
        """Keep the present state as the seed, and its admins alone as empty.

        :raises Unavailable: the store does not answer.
        """
        self.mark(SEED)
        seed = self._snapshots[SEED]
        self._snapshots[EMPTY] = replace(seed, books=admins_alone(seed.books))

    def begin_at(self, now: datetime) -> None:
        """Freeze the clock of a new bank at any time, also a past one."""
        self._clock.restore(ClockState("frozen", now))

    def mark(self, name: str) -> None:
        """Keep the present state under a name, also that of the seed."""
        with self._lock:
            parts = {each: part.state() for each, part in self._parts.items()}
            self._snapshots[name] = Saved(self._vault.save(), parts)

    def names(self) -> list[str]:
        """Return the names of the snapshots, without the states that the bank keeps itself."""
        return [name for name in list(self._snapshots) if name not in {EMPTY, SEED}]

    def upcoming(self, limit: int) -> list[Progress]:
        """Return the holds and schedules that are due next.

        :raises Unavailable: the store does not answer.
        """
        return self._vault.accounts.due(END_OF_TIME, limit=limit)

    def drop(self, name: str) -> None:
        """Delete a snapshot.

        :raises NotFound: there is none of this name.
        """
        if name in {EMPTY, SEED}:
            raise InvalidRequest("The bank keeps this state itself: it cannot be deleted.")
        if self._snapshots.pop(name, None) is None:
            raise NotFound

    def restore(self, name: str) -> None:
        """Go back to a snapshot.

        :raises NotFound: there is none of this name.
        """
        self.take(self.saved(name))

    def take(self, saved: Saved) -> None:
        """Hold what was saved in this bank or in another one."""
        with self._lock, self._due_work.lock:
            self._vault.restore(saved.books)
            for name, part in self._parts.items():
                part.restore(saved.parts[name])
            self._forget()
            self._due_work.forget()
        self._due_work.wake(0)
