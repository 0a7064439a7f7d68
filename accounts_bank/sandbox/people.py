"""People of a new bank: users with a session and funded accounts, without a password."""

from collections.abc import Iterable

from msgspec import Struct

from accounts_bank.collections.accounts import AccountCollection
from accounts_bank.collections.users import UserCollection
from accounts_bank.identity import Caller, Role, Session, User
from accounts_bank.ledger.actions import Deposit
from accounts_bank.ledger.values import Account

ADMIN = "sandbox-admin"
"""The username of the admin of each sandbox bank."""
NO_PASSWORD = ""
REFERENCE = "Opening balance"
READER = Caller("", Role.AUDITOR, "")
REJOINED_MAX, ACCOUNTS_SHOWN = 1_000, 100


class NewAccount(Struct, frozen=True):
    """An account to open, and the amount to pay in, in minor units."""

    currency: str
    name: str = "Main"
    balance_minor: int = 0


class NewUser(Struct, frozen=True):
    """A user to add."""

    username: str
    role: Role = Role.CUSTOMER
    accounts: tuple[NewAccount, ...] = ()


class Joined(Struct, frozen=True):
    """A user that was added, with a session and accounts."""

    user: User
    session: Session
    accounts: tuple[Account, ...]


def enter_admin(users: UserCollection) -> tuple[User, Session]:
    """Start a session of the bank's admin; add the admin where it is missing."""
    found = users.find(ADMIN) or [users.add(ADMIN, NO_PASSWORD, role=Role.ADMIN)]
    return found[0], users.enter(found[0])


def join(
    users: UserCollection, accounts: AccountCollection, admin: User, people: Iterable[NewUser]
) -> list[Joined]:
    """Add users in their order; the admin pays their opening balances in.

    :raises UsernameTaken: a username is taken.
    :raises Refused: a rule of the ledger refuses an opening balance.
    """
    teller = Caller(admin.id, Role.TELLER, "")
    return [_joined(users, accounts, teller, each) for each in people]


def rejoin(users: UserCollection, accounts: AccountCollection) -> list[Joined]:
    """Start sessions for the users that a snapshot holds, `REJOINED_MAX` at most."""
    found, _ = users.page(READER, after="", limit=REJOINED_MAX)
    return [
        Joined(
            user,
            users.enter(user),
            tuple(accounts.of_customer(READER, user.id, after=None, limit=ACCOUNTS_SHOWN)),
        )
        for user in found
        if user.username != ADMIN
    ]


def _joined(
    users: UserCollection, accounts: AccountCollection, teller: Caller, person: NewUser
) -> Joined:
    user = users.add(person.username, NO_PASSWORD, role=person.role)
    owner = Caller(user.id, user.role, "")
    opened = tuple(_funded(accounts, teller, owner, each) for each in person.accounts)
    return Joined(user, users.enter(user), opened)


def _funded(accounts: AccountCollection, teller: Caller, owner: Caller, new: NewAccount) -> Account:
    opened = accounts.open(owner, new.name, new.currency)
    if not new.balance_minor:
        return opened
    accounts.deposit(teller, Deposit(opened.id, new.balance_minor, new.currency, REFERENCE), None)
    return accounts.account(owner, opened.id)
