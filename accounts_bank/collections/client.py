"""The client: where entries are asked of the ledger, and whose the accounts are.

All subjects of the business layer share one: accounts, money, holds, schedules.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from accounts_bank.collections.permissions import Permission, may
from accounts_bank.errors import Forbidden, NotFound, Refused, Unavailable
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Action, Hold, Schedule, Transfer
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Entry, Needs, Outcome, Recorded, Snapshot, needs
from accounts_bank.ledger.iban import canonical
from accounts_bank.ledger.values import BANK_ID, Account, Status
from accounts_bank.stores.base import AccountStore

OWNERS_MAX = 100_000
"""For how many accounts it is remembered whose they are."""

_TIME_DIGITS = len("01a21215-8ecf")
"""How much of a UUIDv7 is its time (RFC 9562, 5.7)."""

_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))

Clock = Callable[[], datetime]
NewId = Callable[[], str]
OnSaved = Callable[[int], None]
"""Told of each write, and how many entries it was, so that the audit log can follow."""
PagePosition = tuple[datetime, str] | None
"""The last item of the page before, by time and id."""


class EntryDetails(Struct, frozen=True, kw_only=True):
    """An entry that moved money, the accounts of its lines, and which of those are the caller's.

    `reversed_minor` is what was sent back of a transfer so far.
    """

    recorded: Recorded
    accounts: tuple[Account, ...]
    own_lines: tuple[bool, ...]
    reversed_minor: int = 0
    replayed: bool = False

    @property
    def is_party(self) -> bool:
        """Whether money moved on an account of the caller's."""
        return any(self.own_lines)


class LedgerClient:
    """Asks entries of the ledger in somebody's name."""

    def __init__(
        self,
        store: AccountStore,
        *,
        clock: Clock,
        new_id: NewId,
        on_saved: OnSaved,
        till: int,
    ) -> None:
        """Join what it needs; `on_saved` and `till` are as in AccountCollection."""
        self.store = store
        self.clock = clock
        self._new_id = new_id
        self._on_saved = on_saved
        self._till = till
        self._owners: dict[str, tuple[str, str]] = {}

    def entry_id(self, caller: Caller, key: str | None) -> str:
        """Give the id of an entry: the same one for the same key."""
        return self._new_id() if key is None else keyed_id(caller.id, key)

    def submit(
        self, caller: Caller, action: Action, key: str | None = None, *, dry_run: bool = False
    ) -> Outcome:
        """Have one action decided; a dry run decides the same and saves nothing.

        :raises Refused: a rule says no.
        """
        entry = self.new_entry(self.entry_id(caller, key), caller, action)
        (outcome,) = self.submit_batch((entry,), dry_run=dry_run)
        return raise_refusal(outcome)

    def submit_payment(
        self, caller: Caller, ask: Transfer | Hold | Schedule, key: str | None, *, dry_run: bool
    ) -> Outcome:
        """Have a payment decided: the ledger says whether it is from one of the caller's accounts.

        It raises what `own` does of the account to pay from, and what `ask` does.
        """
        named = {name: canonical(getattr(ask, name)) for name in ("from_account", "to_account")}
        try:
            return self.submit(caller, replace(ask, **named), key, dry_run=dry_run)
        except NotFound:
            self.own_account_id(caller, ask.from_account)
            raise

    def new_entry(self, entry_id: str, caller: Caller, action: Action) -> Entry:
        """Make an entry, asked now."""
        return Entry(entry_id, caller.id, self.clock(), action, self._till)

    def submit_batch(self, entries: Sequence[Entry], *, dry_run: bool) -> list[Outcome]:
        """Have a batch decided, refusals included, and tell the audit log."""
        if dry_run:
            return decide(self.store.load(needs(entries)), entries).outcomes
        outcomes = self.store.append(entries)
        self._on_saved(len(entries))
        return outcomes

    def own_account_id(self, caller: Caller, name: str) -> str:
        """Give the id of an account of the caller's.

        Whose an account is never changes, so it is asked of the store once.

        :raises NotFound: there is no such account that the caller may see.
        :raises Forbidden: the caller may see it, and it is somebody else's.
        """
        name = canonical(name)
        account_id, owner_id = self._owners.get(name) or self._load_owner(name)
        if owner_id == caller.id:
            return account_id
        if may(caller.role, Permission.READ_ALL_ACCOUNTS):
            raise Forbidden("Only its owner does this.")
        raise NotFound

    def customer_account(self, name: str) -> Account:
        """Read a customer's account by id or number, as the ledger keeps them.

        :raises NotFound: there is none.
        """
        account = self.store.account(name)
        if account is None or account.owner_id == BANK_ID:
            raise NotFound
        return account

    def recorded_entry(self, kind: str, entry_id: str) -> Recorded:
        """Read an entry of a kind that was not refused.

        :raises NotFound: there is none.
        """
        found = self.store.entry(entry_id.lower())
        if found is None or found.entry.kind != kind or found.status is not Status.RECORDED:
            raise NotFound
        return found

    def entry_by_key(self, caller: Caller, key: str) -> Recorded | None:
        """Read what was asked with a key, refused or not."""
        return self.store.entry(keyed_id(caller.id, key))

    def with_details(self, caller: Caller, entries: Sequence[Recorded]) -> list[EntryDetails]:
        """Give entries with what the caller may need to know of them."""
        ids = frozenset(line.account_id for recorded in entries for line in recorded.lines)
        of = frozenset(each.entry.id for each in entries if each.entry.kind == "transfer")
        loaded = self.store.load(Needs(accounts=ids, progress=of))
        return [_seen(caller, each, loaded) for each in entries]

    def _load_owner(self, name: str) -> tuple[str, str]:
        account = self.customer_account(name)
        if len(self._owners) >= OWNERS_MAX:
            self._owners = {}
        self._owners[name] = found = account.id, account.owner_id
        return found


def _seen(caller: Caller, recorded: Recorded, loaded: Snapshot) -> EntryDetails:
    accounts = tuple(loaded.accounts[line.account_id] for line in recorded.lines)
    progress = loaded.progress.get(recorded.entry.id)
    return EntryDetails(
        recorded=recorded,
        accounts=accounts,
        own_lines=tuple(each.owner_id == caller.id for each in accounts),
        reversed_minor=progress.done_minor if progress else 0,
    )


def raise_refusal(outcome: Outcome) -> Outcome:
    """Give an outcome back where it is no refusal.

    :raises NotFound: it is about an entry that is not there, or from an account of somebody else.
    :raises Unavailable: no account number is free.
    :raises Refused: a rule says no.
    """
    if outcome.status is Status.NUMBERS_EXHAUSTED:
        raise Unavailable("No account number is free.")
    if outcome.status in {Status.ENTRY_UNKNOWN, Status.NOT_FOUND}:
        raise NotFound
    if outcome.status is not Status.RECORDED:
        raise Refused(outcome)
    return outcome


def keyed_id(caller_id: str, key: str) -> str:
    """Give the entry id for a caller's idempotency key: a UUID of version 8 (RFC 9562, 5.8).

    It is made from SHA-256 of both, so that a retry has the id of the first try in any process.
    What an entry leads to (the parts of a bulk, the runs of a schedule) has an id made of the
    entry's own in place of a caller's: no caller's key can lead to it.
    """
    hexes = sha256(f"{len(caller_id)}:{caller_id}:{key}".encode()).hexdigest()
    variant = _VARIANTS[hexes[16]]
    return f"{hexes[:8]}-{hexes[8:12]}-8{hexes[13:16]}-{variant}{hexes[17:20]}-{hexes[20:32]}"


def with_time_of(entry_id: str, key: str) -> str:
    """Put the time of a key that is a UUIDv7 into the id that `keyed_id` made of it."""
    return key[:_TIME_DIGITS] + entry_id[_TIME_DIGITS:]
