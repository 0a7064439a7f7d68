"""The content of a seed file, written into an empty bank: users, accounts and past movements."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from accounts_bank.api.schemas.sandbox import NewUserRequest
from accounts_bank.api.schemas.users import FullName, Password
from accounts_bank.collections.accounts import AccountCollection
from accounts_bank.collections.client import Clock, NewId
from accounts_bank.collections.password_rules import check_password
from accounts_bank.collections.passwords import Passwords
from accounts_bank.collections.users import UserCollection
from accounts_bank.errors import ApiError, InvalidRequest, SettingsError
from accounts_bank.http.fields import AmountMinor, Input, Moment, Reference
from accounts_bank.http.messages import parse_time
from accounts_bank.identity import Caller, Role
from accounts_bank.ledger.actions import Deposit, Transfer, Withdrawal
from accounts_bank.ledger.values import Account
from accounts_bank.sandbox.ids import SeededIds
from accounts_bank.sandbox.people import NO_PASSWORD, REFERENCE
from accounts_bank.seed_file import Located, Place, place_of

_NO_TIME = "write a date, or a time with its zone: 2026-02-01 or 2026-02-01T08:00:00Z (RFC 3339)."

Join = Callable[[Clock, NewId], tuple[UserCollection, AccountCollection]]

BEFORE = timedelta(hours=1)
"""The time between the first users and the present, where the file names no date."""
_NO_ACCOUNT = (
    "there is no account {name}. Write `username/account name`, or `username` for the first."
)


class SeedUser(NewUserRequest, frozen=True):
    """A user to add. Nobody signs in as a user without a password."""

    full_name: FullName | None = None
    password: Password | None = None


class Movement(Input, frozen=True, kw_only=True, tag_field="kind"):
    """A payment of the past. An account is written as `username/account name`, or `username`.

    `at` is the time of the movement before it, where it is left out.
    """

    amount_minor: AmountMinor
    reference: Reference | None = None
    at: Moment | None = None


class DepositMade(Movement, frozen=True, kw_only=True, tag="deposit"):
    """Cash that was paid in."""

    account: str


class WithdrawalMade(Movement, frozen=True, kw_only=True, tag="withdrawal"):
    """Cash that was paid out."""

    account: str


class TransferMade(Movement, frozen=True, kw_only=True, tag="transfer"):
    """A transfer between two accounts."""

    from_account: str
    to_account: str


class Seed(Input, frozen=True):
    """The content of a seed file. The users and their accounts exist from `since`."""

    users: tuple[SeedUser, ...] = ()
    movements: tuple[DepositMade | WithdrawalMade | TransferMade, ...] = ()
    since: Moment | None = None


def read_seed(found: Located) -> Seed:
    """Return the content of a file.

    :raises SettingsError: a value is wrong; the text names its line.
    """
    try:
        return msgspec.convert(found.value, Seed)
    except msgspec.ValidationError as error:
        why, _, path = str(error).partition(" - at ")
        raise found.error(place_of(path), f"{why}.") from None


class _Opened(Struct, frozen=True):
    """An account with its owner."""

    owner: Caller
    account: Account


class Seeding:
    """Writes a seed: first the users with their accounts, then the movements by their time."""

    def __init__(
        self, found: Located, passwords: Passwords, *, now: datetime, id_seed: str
    ) -> None:
        """Read a file, and check its dates.

        :param now: the present; nothing in the file is later.
        :param id_seed: of the ids; the same one makes the same ids.
        :raises SettingsError: a value is wrong; the text names its line.
        """
        self._found, self._passwords, self._now, self._id_seed = found, passwords, now, id_seed
        self._seed = read_seed(found)
        self._moments = self._dates()
        self._opened: dict[str, _Opened] = {}

    def write(self, join: Join) -> None:
        """Write into an empty bank.

        :param join: builds its collections over a clock and a maker of ids.
        :raises SettingsError: a rule refuses something; the text names its line.
        """
        at = self._since

        def clock() -> datetime:
            return at

        users, accounts = join(clock, SeededIds(clock, self._id_seed))
        accounts.approvals.waive()
        for number, user in enumerate(self._seed.users):
            self._add(users, accounts, user, ("users", number))
        for number in sorted(range(len(self._moments)), key=self._moments.__getitem__):
            at = self._moments[number]
            with self._told(("movements", number)) as place:
                self._move(accounts, self._seed.movements[number], place)

    def _dates(self) -> list[datetime]:
        """Return the time of each movement, and note the time of the first users."""
        given = [
            self._time(each.at, ("movements", number, "at"))
            for number, each in enumerate(self._seed.movements)
        ]
        first = min((each for each in given if each), default=self._now - BEFORE)
        self._since = since = self._time(self._seed.since, ("since",)) or first
        moments: list[datetime] = []
        for number, at in enumerate(given):
            moments.append(at or (moments[-1] if moments else since))
            if moments[-1] < since:
                raise self._found.error(("movements", number, "at"), "it is before `since`.")
        return moments

    def _time(self, text: str | None, place: Place) -> datetime | None:
        if text is None:
            return None
        try:
            at = parse_time(text, str(place[-1]))
        except InvalidRequest:
            raise self._found.error(place, _NO_TIME) from None
        if at > self._now:
            raise self._found.error(place, "it is in the future.")
        return at

    def _add(
        self, users: UserCollection, accounts: AccountCollection, new: SeedUser, place: Place
    ) -> None:
        with self._told((*place, "password")):
            if new.password is not None:
                check_password(new.password, (new.username, new.full_name))
        password_hash = NO_PASSWORD if new.password is None else self._passwords.hash(new.password)
        with self._told((*place, "username")):
            user = users.add(new.username, password_hash, role=new.role, full_name=new.full_name)
        owner = Caller(user.id, Role.CUSTOMER, "")
        for number, each in enumerate(new.accounts):
            with self._told((*place, "accounts", number)) as here:
                name = f"{new.username}/{each.name}"
                if name in self._opened:
                    raise self._found.error(here, f"{new.username} has two accounts {each.name}.")
                opened = _Opened(owner, accounts.open(owner, each.name, each.currency))
                if each.balance_minor:
                    paid = each.balance_minor, each.currency, REFERENCE
                    accounts.deposit(owner, Deposit(opened.account.id, *paid), None)
                self._opened[name] = opened
                self._opened.setdefault(new.username, opened)

    def _move(self, accounts: AccountCollection, new: Movement, place: Place) -> None:
        if isinstance(new, TransferMade):
            payer = self._account(new.from_account, (*place, "from_account"))
            payee = self._account(new.to_account, (*place, "to_account"))
            transfer = Transfer(payer.account.id, payee.account.id, *_paid(new, payer))
            accounts.transfer(payer.owner, transfer, None)
        elif isinstance(new, DepositMade):
            opened = self._account(new.account, (*place, "account"))
            deposit = Deposit(opened.account.id, *_paid(new, opened))
            accounts.deposit(opened.owner, deposit, None)
        elif isinstance(new, WithdrawalMade):
            opened = self._account(new.account, (*place, "account"))
            withdrawal = Withdrawal(opened.account.id, *_paid(new, opened))
            accounts.withdraw(opened.owner, withdrawal, None)

    def _account(self, name: str, place: Place) -> _Opened:
        if name not in self._opened:
            raise self._found.error(place, _NO_ACCOUNT.format(name=name))
        return self._opened[name]

    @contextmanager
    def _told(self, place: Place) -> Iterator[Place]:
        """Yield the place; name its line in an error of the block."""
        try:
            yield place
        except SettingsError:
            raise
        except ApiError as error:
            raise self._found.error(place, error.detail) from error


def _paid(new: Movement, opened: _Opened) -> tuple[int, str, str | None]:
    """Return the amount in minor units, the currency of the account, and the reference."""
    return new.amount_minor, opened.account.currency, new.reference
