"""Actors: payees of a sandbox bank with fixed account numbers, which act by the ordinary rules.

frozen           its account is frozen: it receives and cannot pay
closed           its account is closed: payments to it are refused
captures_half    it captures half of each hold at once
never_captures   holds for it expire
sends_back       it sends each transfer back a day later, by a schedule
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Literal, get_args

from msgspec import Struct

from accounts_bank.collections.accounts import AccountCollection
from accounts_bank.collections.client import NewId, OnDue, keyed_id
from accounts_bank.collections.users import UserCollection
from accounts_bank.identity import Caller, Role, User
from accounts_bank.ledger.actions import Capture, Every, Hold, Schedule, Transfer
from accounts_bank.ledger.entries import Entry, Outcome, Recorded
from accounts_bank.ledger.iban import numbers_for
from accounts_bank.ledger.values import Account, AccountStatus, Status
from accounts_bank.sandbox.people import NO_PASSWORD, READER
from accounts_bank.stores.base import AccountStore
from accounts_bank.stores.wrappers.base import DelegatingAccountStore

Kind = Literal["frozen", "closed", "captures_half", "never_captures", "sends_back"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FROZEN, CLOSED, HALF, NEVER, BACK = KINDS
CURRENCY = "EUR"
BACK_AFTER = timedelta(days=1)
BACK_REFERENCE = "Sent back"
_USER, _ACCOUNT = (
    "00000000-0000-7000-8000-0000000a{:02x}00",
    "00000000-0000-7000-8000-0000000b{:02x}00",
)


class Actor(Struct, frozen=True):
    """An actor with its user and its account."""

    kind: Kind
    user: User
    account: Account


class Actors:
    """Adds the actors to a bank at their first use."""

    def __init__(self, join: Callable[[NewId], tuple[UserCollection, AccountCollection]]) -> None:
        """Take a function that joins the collections of the bank over a maker of ids."""
        self._join = join

    def all(self, admin: User) -> list[Actor]:
        """Return the actors; add the missing ones.

        :param admin: freezes the account of one.
        """
        return [self._actor(index, kind, admin) for index, kind in enumerate(KINDS)]

    def _actor(self, index: int, kind: Kind, admin: User) -> Actor:
        users, _ = self._join(_ids(_USER, index))
        _, accounts = self._join(_ids(_ACCOUNT, index))
        name = f"actor-{kind.replace('_', '-')}"
        user = next(iter(users.find(name)), None) or users.add(name, NO_PASSWORD)
        owner = Caller(user.id, user.role, "")
        found = accounts.of_customer(READER, user.id, after=None, limit=1)
        account = found[0] if found else accounts.open(owner, "Main", CURRENCY)
        if account.status is AccountStatus.OPEN and kind == FROZEN:
            accounts.freeze(Caller(admin.id, Role.TELLER, ""), account.id)
        if account.status is AccountStatus.OPEN and kind == CLOSED:
            accounts.close(owner, account.id)
        return Actor(kind, user, accounts.account(owner, account.id))


class ActingAccountStore(DelegatingAccountStore):
    """An account store of a sandbox bank. Actors act behind the entries that reach them.

    The id of an act derives from its cause, so an entry that is sent again causes no second act.
    """

    def __init__(self, store: AccountStore) -> None:
        """Wrap a store."""
        super().__init__(store)
        self.expect: OnDue = lambda _at: None
        """Called with the instant at which a new schedule is due."""

    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Decide the entries, then the acts that they cause."""
        outcomes = self._store.append(entries)
        acts = [act for each in outcomes for act in _acts(each.recorded)]
        if acts:
            self._store.append(acts)
            for each in acts:
                if isinstance(each.action, Schedule):
                    self.expect(each.action.first_at)
        return outcomes


def _acts(cause: Recorded) -> Iterator[Entry]:
    """Yield the act of an actor that an entry causes, if any."""
    entry, action = cause.entry, cause.entry.action
    if cause.status is not Status.RECORDED or not isinstance(action, Hold | Transfer):
        return
    if isinstance(action, Hold) and action.to_account in _NAMES[HALF]:
        half_minor = max(action.amount_minor // 2, 1)
        ends = action.from_account, action.to_account
        yield _act(HALF, entry, Capture(entry.id, *ends, half_minor))
    if isinstance(action, Transfer) and action.to_account in _NAMES[BACK]:
        yield _act(BACK, entry, _sent_back(action, cause.at + BACK_AFTER))


def _sent_back(transfer: Transfer, at: datetime) -> Schedule:
    ends, amount_minor = (transfer.to_account, transfer.from_account), transfer.amount_minor
    currency = transfer.currency
    return Schedule(*ends, amount_minor, currency, at, Every.ONCE, reference=BACK_REFERENCE)


def _act(kind: Kind, cause: Entry, action: Capture | Schedule) -> Entry:
    user_id = _USER.format(KINDS.index(kind))
    return Entry(keyed_id(cause.id, "actor"), user_id, cause.at, action)


def _ids(pattern: str, index: int) -> NewId:
    """Return a maker of fixed ids; the first one is that of the user or of the account."""
    numbers = count()
    return lambda: f"{pattern.format(index)[:-2]}{next(numbers):02x}"


def _names(kind: Kind) -> frozenset[str]:
    account_id = _ACCOUNT.format(KINDS.index(kind))
    return frozenset((account_id, *numbers_for(account_id)))


_NAMES = {kind: _names(kind) for kind in (HALF, BACK)}
"""The id and the numbers of the account of an actor that acts."""
