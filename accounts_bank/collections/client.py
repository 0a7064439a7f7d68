"""LedgerClient: submits entries for a caller and checks which accounts the caller owns.

Accounts, holds, schedules and bulks share one client.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from accounts_bank.collections.permissions import Permission, may
from accounts_bank.concurrency.bounded_cache import BoundedCache
from accounts_bank.errors import Forbidden, NotFound, OwnAccount, Refused, Unavailable
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Action, Hold, Schedule, Transfer, Withdrawal
from accounts_bank.ledger.budgets import KeyUse
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Entry, Needs, Outcome, Recorded, Snapshot, needs
from accounts_bank.ledger.iban import canonical
from accounts_bank.ledger.values import BANK_ID, Account, Status
from accounts_bank.stores.base import AccountStore

OWNERS_MAX = 100_000
"""The number of accounts of which the cache holds the owner."""

SCANNED_AT_ONCE = 1_000
"""The entries of its owner in one read, from which a key with named accounts gets its own."""

_TIME_DIGITS = len("01a21215-8ecf")
"""The characters of a UUIDv7 that hold its time (RFC 9562, 5.7)."""

_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))

Clock = Callable[[], datetime]
NewId = Callable[[], str]
OnSaved = Callable[[int], None]
"""Called after each write with the number of entries; wakes the sealer."""
OnDue = Callable[[datetime], None]
"""Called with the instant at which the bank must act on a new entry; wakes the runner."""
PagePosition = tuple[datetime, str] | None
"""The time and id of the last item of the previous page; None for the first page."""


class _Owner(NamedTuple):
    """The id of an account and its owner, which never change."""

    id: str
    owner_id: str


class EntryDetails(Struct, frozen=True, kw_only=True):
    """An entry that moved money, the accounts of its lines, and the caller's part in it.

    `accounts` and `own_lines` follow the order of the entry's lines. A line is the caller's own
    if the caller owns its account. `reversed_minor` is the reversed part of a transfer.
    """

    recorded: Recorded
    accounts: tuple[Account, ...]
    own_lines: tuple[bool, ...]
    reversed_minor: int = 0
    replayed: bool = False

    @property
    def is_party(self) -> bool:
        """Whether money moved on an account of the caller."""
        return any(self.own_lines)


class LedgerClient:
    """Submits entries to the ledger for a caller."""

    def __init__(  # noqa: PLR0913 - everything it needs enters here
        self,
        store: AccountStore,
        *,
        clock: Clock,
        new_id: NewId,
        on_saved: OnSaved,
        till: int,
        on_due: OnDue = lambda _at: None,
    ) -> None:
        """Take the store and the clock; the other parameters are as in AccountCollection."""
        self.store = store
        self.clock = clock
        self.on_due = on_due
        self._new_id = new_id
        self._on_saved = on_saved
        self._till = till
        self._owners = BoundedCache[_Owner](OWNERS_MAX)

    def entry_id(self, caller: Caller, key: str | None) -> str:
        """Return the id for a new entry: the same id for the same key.

        :param key: the idempotency key of the request, or None for a random id.
        """
        return self._new_id() if key is None else keyed_id(caller.id, key)

    def submit(
        self, caller: Caller, action: Action, key: str | None = None, *, dry_run: bool = False
    ) -> Outcome:
        """Submit one action and return its outcome.

        :param key: the idempotency key; a repeated key replays the first outcome.
        :param dry_run: decide without saving.
        :raises NotFound: the action names an entry or account that the caller has no access to.
        :raises Refused: a rule of the ledger refuses the action.
        :raises Unavailable: the store does not answer, or no account number is free.
        """
        entry = self.new_entry(self.entry_id(caller, key), caller, action)
        (outcome,) = self.submit_batch((entry,), dry_run=dry_run)
        return raise_refusal(outcome)

    def submit_payment(
        self, caller: Caller, action: Transfer | Hold | Schedule, key: str | None, *, dry_run: bool
    ) -> Outcome:
        """Submit a payment from one of the caller's accounts.

        The ledger checks the owner of the account, and knows no keys. It raises as `submit` and
        `own_account_id` do.
        """
        if caller.named_accounts is not None:
            self.own_account_id(caller, action.from_account)
        names = {name: canonical(getattr(action, name)) for name in ("from_account", "to_account")}
        try:
            return self.submit(caller, replace(action, **names), key, dry_run=dry_run)
        except NotFound:
            self.own_account_id(caller, action.from_account)
            raise

    def new_entry(self, entry_id: str, caller: Caller, action: Action) -> Entry:
        """Return an entry of the caller with the present time."""
        use = key_use(caller)
        if use is not UNSET and isinstance(action, Transfer | Withdrawal | Hold | Schedule):
            action = replace(action, key=use)
        return Entry(entry_id, caller.id, self.clock(), action, self._till)

    def submit_batch(self, entries: Sequence[Entry], *, dry_run: bool) -> list[Outcome]:
        """Submit a batch in one commit and return one outcome for each entry, refusals included."""
        if dry_run:
            return decide(self.store.load(needs(entries)), entries).outcomes
        outcomes = self.store.append(entries)
        self._on_saved(len(entries))
        return outcomes

    def own_account_id(self, caller: Caller, name: str) -> str:
        """Return the id of an account that the caller owns.

        The owner of an account never changes, so it is read from the store once.

        :param name: the id or the number of the account.
        :raises NotFound: the account does not exist, or the caller may not read it.
        :raises Forbidden: the caller may read the account and does not own it.
        """
        name = canonical(name)
        account = self._owners.get(name) or self._load_owner(name)
        if caller.owns(account):
            return account.id
        if may(caller.role, Permission.READ_ALL_ACCOUNTS):
            raise Forbidden("Only the owner of an account may do this.")
        raise NotFound

    def forget(self) -> None:
        """Forget the owners of accounts: the store holds other books now."""
        self._owners.clear()

    def customer_account(self, name: str) -> Account:
        """Read a customer's account by id or by number in canonical form.

        :raises NotFound: no customer has such an account.
        """
        account = self.store.account(name)
        if account is None or account.owner_id == BANK_ID:
            raise NotFound
        return account

    def recorded_entry(self, kind: str, entry_id: str) -> Recorded:
        """Read an entry of a kind that the ledger recorded.

        :raises NotFound: no such entry exists, or it was refused.
        """
        found = self.store.entry(entry_id.lower())
        if found is None or found.entry.kind != kind or found.status is not Status.RECORDED:
            raise NotFound
        return found

    def entries_of(
        self, caller: Caller, kind: str, *, before: PagePosition, limit: int
    ) -> list[Recorded]:
        """Return a page of the caller's entries of a kind, the newest first.

        A key with named accounts sees the entries that name one of them.
        """
        if caller.named_accounts is None:
            return self.store.entries_of(caller.id, kind, before=before, limit=limit)
        names, found = self.reached_names(caller.named_accounts), list[Recorded]()
        while len(found) < limit:
            page = self.store.entries_of(caller.id, kind, before=before, limit=SCANNED_AT_ONCE)
            found += [each for each in page if not names.isdisjoint(_parties(each))]
            if len(page) < SCANNED_AT_ONCE:
                break
            before = page[-1].at, page[-1].entry.id
        return found[:limit]

    def own_accounts(self, caller: Caller, *, after: str | None, limit: int) -> list[Account]:
        """Return a page of the accounts that the caller owns, and its key reaches, by their ids."""
        if caller.named_accounts is None:
            return self.store.accounts_of(caller.id, after=after, limit=limit)
        names = sorted(each for each in caller.named_accounts if each > (after or ""))[:limit]
        loaded = self.store.load(Needs(accounts=frozenset(names))).accounts
        return [loaded[each] for each in names if each in loaded]

    def reached_names(self, account_ids: Sequence[str]) -> frozenset[str]:
        """Return the ids and the numbers of accounts, by which actions name them."""
        loaded = self.store.load(Needs(accounts=frozenset(account_ids))).accounts.values()
        return frozenset(name for each in loaded for name in (each.id, each.number))

    def with_details(self, caller: Caller, entries: Sequence[Recorded]) -> list[EntryDetails]:
        """Return entries with their accounts and the caller's part in them."""
        ids = frozenset(line.account_id for recorded in entries for line in recorded.lines)
        transfers = frozenset(each.entry.id for each in entries if each.entry.kind == "transfer")
        loaded = self.store.load(Needs(accounts=ids, progress=transfers))
        return [_details(caller, each, loaded) for each in entries]

    def _load_owner(self, name: str) -> _Owner:
        account = self.customer_account(name)
        found = _Owner(account.id, account.owner_id)
        self._owners.put(name, found)
        return found


def _parties(recorded: Recorded) -> tuple[str, ...]:
    """Return the names of the accounts under whose owners an entry is listed."""
    action = recorded.entry.action
    if isinstance(action, Schedule):
        return (action.from_account,)
    assert isinstance(action, Transfer | Hold)  # noqa: S101 - tells the type checker
    return action.from_account, action.to_account


def _details(caller: Caller, recorded: Recorded, loaded: Snapshot) -> EntryDetails:
    accounts = tuple(loaded.accounts[line.account_id] for line in recorded.lines)
    progress = loaded.progress.get(recorded.entry.id)
    return EntryDetails(
        recorded=recorded,
        accounts=accounts,
        own_lines=tuple(map(caller.owns, accounts)),
        reversed_minor=progress.done_minor if progress else 0,
    )


def refuse_own(caller: Caller, account: Account) -> None:
    """Check that an account that staff acts on is not its own.

    :raises OwnAccount: the caller owns the account.
    """
    if account.owner_id == caller.id:
        raise OwnAccount


def raise_refusal(outcome: Outcome) -> Outcome:
    """Return an outcome unless it is a refusal.

    :raises NotFound: the action names an entry or account that the caller has no access to.
    :raises Unavailable: no account number is free.
    :raises Refused: a rule of the ledger refused the entry.
    """
    if outcome.status is Status.NUMBERS_EXHAUSTED:
        raise Unavailable("No account number is free.")
    if outcome.status in {Status.ENTRY_UNKNOWN, Status.NOT_FOUND}:
        raise NotFound
    if outcome.status is not Status.RECORDED:
        raise Refused(outcome)
    return outcome


def key_use(caller: Caller) -> KeyUse | UnsetType:
    """Return the key with which a caller makes entries; UNSET for a person."""
    return UNSET if caller.key is None else KeyUse(caller.key.id, caller.key.daily_limit_minor)


def keyed_id(caller_id: str, key: str) -> str:
    """Return the entry id for a caller's idempotency key: a UUID of version 8 (RFC 9562, 5.8).

    The id is a SHA-256 of both, so a retry has the same id in every process. The parts of a bulk
    and the runs of a schedule pass their parent's entry id as `caller_id`. No caller has this id,
    so no caller's key can produce theirs.
    """
    hexes = sha256(f"{len(caller_id)}:{caller_id}:{key}".encode()).hexdigest()
    variant = _VARIANTS[hexes[16]]
    return f"{hexes[:8]}-{hexes[8:12]}-8{hexes[13:16]}-{variant}{hexes[17:20]}-{hexes[20:32]}"


def with_time_of(entry_id: str, key: str) -> str:
    """Put the time of a key, a UUIDv7, into the id that `keyed_id` made of it."""
    return key[:_TIME_DIGITS] + entry_id[_TIME_DIGITS:]
