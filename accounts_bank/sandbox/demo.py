"""The demo: users with names and passwords, and a year of their payments that ends today.

It calls the collections with a simulated clock. The same seed and the same day produce the same
year.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from functools import partial
from random import Random

from msgspec import Struct

from accounts_bank.collections.accounts import AccountCollection
from accounts_bank.collections.client import Clock
from accounts_bank.collections.passwords import Passwords
from accounts_bank.collections.users import UserCollection
from accounts_bank.errors import SettingsError
from accounts_bank.identity import Caller, Role
from accounts_bank.ledger.actions import Deposit, Every, Hold, Schedule, Transfer, Withdrawal
from accounts_bank.sandbox.simulated_clock import SimulatedClock, SimulatedIds

PASSWORD = "demo bank"  # noqa: S105 - the sign-in page shows it
DAYS = 365
HOLD_LASTS_S = 7 * 86_400

Act = Callable[[], object]
Rhythm = tuple[datetime, Every, str]
"""The first run of a schedule, its interval and its reference."""


class DemoUser(Struct, frozen=True):
    """A user of a demo; the sign-in page shows its username and its password."""

    username: str
    password: str
    full_name: str
    role: Role = Role.CUSTOMER


class Person(Struct, frozen=True):
    """A user of the demo."""

    username: str
    full_name: str
    role: Role = Role.CUSTOMER


PEOPLE = (
    Person("ada", "Ada Moreau"),
    Person("ben", "Ben Okafor"),
    Person("chiara", "Chiara Rossi"),
    Person("brightworks", "Brightworks Studio"),
    Person("harbour", "Harbour Homes"),
    Person("market", "Corner Market"),
    Person("energy", "City Energy"),
    Person("teller", "Tessa at the counter", Role.TELLER),
    Person("auditor", "Otto from audit", Role.AUDITOR),
    Person("admin", "Alma from administration", Role.ADMIN),
)

ACCOUNTS = {
    "ada": ("ada", "Everyday", "EUR", 300_000),
    "ada-savings": ("ada", "Savings", "EUR", 0),
    "ada-travel": ("ada", "Travel", "USD", 60_000),
    "ben": ("ben", "Everyday", "EUR", 250_000),
    "ben-savings": ("ben", "Rainy day", "EUR", 0),
    "chiara": ("chiara", "Everyday", "EUR", 250_000),
    "chiara-kyoto": ("chiara", "Kyoto in spring", "JPY", 120_000),
    "brightworks": ("brightworks", "Payroll", "EUR", 20_000_000),
    "harbour": ("harbour", "Rents", "EUR", 0),
    "market": ("market", "Till", "EUR", 0),
    "energy": ("energy", "Bills", "EUR", 0),
}
"""Owner, name, currency and opening deposit in minor units of each account, by its key here.

The deposits last a month: a demo that starts after the first of a month has no salary before.
"""

MONTHLY = (
    (1, 6, "brightworks", "ada", 320_000, 320_000, "Salary"),
    (1, 6, "brightworks", "ben", 265_000, 265_000, "Salary"),
    (1, 6, "brightworks", "chiara", 290_000, 290_000, "Salary"),
    (2, 9, "ada", "ada-savings", 30_000, 45_000, "Put aside"),
    (2, 9, "ben", "ben-savings", 10_000, 25_000, "Put aside"),
    (3, 8, "ada", "harbour", 95_000, 95_000, "Rent"),
    (3, 8, "ben", "harbour", 78_000, 78_000, "Rent"),
    (3, 8, "chiara", "harbour", 102_000, 102_000, "Rent"),
    (15, 11, "ada", "energy", 6_200, 11_800, "Electricity"),
    (15, 11, "ben", "energy", 4_900, 8_800, "Electricity"),
    (16, 11, "chiara", "energy", 5_400, 9_700, "Electricity and gas"),
    (21, 20, "ben", "ada", 1_200, 3_900, "Dinner, thank you!"),
    (24, 21, "ada", "chiara", 1_500, 4_200, "Concert tickets"),
)
"""Day, hour, payer, payee, least and largest amount in minor units, and reference."""

SHOPPERS = ("ada", "ben", "chiara")


def prepare(
    join: Callable[[Clock, Callable[[], str]], tuple[UserCollection, AccountCollection]],
    now: datetime,
    seed: int,
    passwords: Passwords,
) -> tuple[DemoUser, ...]:
    """Write the demo's year where it is missing, and return its users with their password.

    `join` builds the collections over a clock and a maker of ids.

    :raises SettingsError: the store holds a part of the demo.
    """
    past = SimulatedClock(now)
    random = Random(seed)  # noqa: S311 - the same numbers for the same seed
    users, accounts = join(past, SimulatedIds(past, random))
    accounts.approvals.waive()
    if not is_written(users):
        write(users, accounts, past, random, passwords.hash(PASSWORD))
    return tuple(DemoUser(each.username, PASSWORD, each.full_name, each.role) for each in PEOPLE)


def is_written(users: UserCollection) -> bool:
    """Return whether the bank contains the demo.

    :raises SettingsError: it contains only a part of the demo.
    """
    found = [bool(users.find(person.username)) for person in PEOPLE]
    if any(found) and not found[-1]:
        raise SettingsError("The demo was interrupted before its end: start with an empty store.")
    return all(found)


def write(
    users: UserCollection,
    accounts: AccountCollection,
    past: SimulatedClock,
    random: Random,
    password_hash: str,
) -> int:
    """Write a year that ends at the present time of `past`.

    The last user is added at the end, so this user marks a complete demo.

    :param past: the clock of the collections; the call moves it back and then forward again.
    :param password_hash: the hash of the password of all users.
    :returns: the number of actions.
    """
    until = past.now
    past.now = datetime.combine(until - timedelta(days=DAYS), time(9), until.tzinfo)
    story = _Story(users, accounts, past, password_hash)
    story.open_all()
    acts = sorted(_year(story, random, past.now, until), key=lambda act: act[0])
    for at, act in acts:
        past.move_to(at)
        act()
    past.move_to(until)
    story.add(PEOPLE[-1])
    return len(acts)


class _Story:
    """The users and their accounts, by their keys here."""

    def __init__(
        self,
        users: UserCollection,
        accounts: AccountCollection,
        past: SimulatedClock,
        password_hash: str,
    ) -> None:
        self._users = users
        self._accounts = accounts
        self._past = past
        self._password_hash = password_hash
        self._callers: dict[str, Caller] = {}
        self._ids: dict[str, str] = {}
        self._made: dict[str, str] = {}

    def add(self, person: Person) -> None:
        user = self._users.add(
            person.username, self._password_hash, role=person.role, full_name=person.full_name
        )
        self._callers[person.username] = Caller(user.id, user.role, "")

    def open_all(self) -> None:
        for person in PEOPLE[:-1]:
            self.add(person)
        for name, (owner, title, currency, amount_minor) in ACCOUNTS.items():
            self._ids[name] = self._accounts.open(self._callers[owner], title, currency).id
            if amount_minor:
                self.pay_in(name, amount_minor, "Opening deposit")

    def pay(self, payer: str, payee: str, amount_minor: int, reference: str) -> None:
        currency = ACCOUNTS[payer][2]
        action = Transfer(self._ids[payer], self._ids[payee], amount_minor, currency, reference)
        made = self._accounts.transfer(self._owner(payer), action, None)
        self._made[reference] = made.recorded.entry.id

    def pay_in(self, name: str, amount_minor: int, reference: str) -> None:
        action = Deposit(self._ids[name], amount_minor, ACCOUNTS[name][2], reference)
        self._accounts.deposit(self._callers["teller"], action, None)

    def pay_out(self, name: str, amount_minor: int, reference: str) -> None:
        action = Withdrawal(self._ids[name], amount_minor, ACCOUNTS[name][2], reference)
        self._accounts.withdraw(self._callers["teller"], action, None)

    def give_back(self, what: str, payee: str, amount_minor: int, reference: str) -> None:
        self._accounts.reversals.create(
            self._owner(payee),
            self._made[what],
            None,
            amount_minor=amount_minor,
            reference=reference,
        )

    def set_aside(self, payer: str, payee: str, amount_minor: int, reference: str) -> None:
        ends = self._ids[payer], self._ids[payee]
        action = Hold(*ends, amount_minor, ACCOUNTS[payer][2], HOLD_LASTS_S, reference)
        self._made[reference] = self._accounts.holds.create(self._owner(payer), action, None).id

    def take(self, what: str, payee: str, amount_minor: int) -> None:
        hold_id = self._made[what]
        self._accounts.holds.capture(self._owner(payee), hold_id, None, amount_minor=amount_minor)

    def repeat(self, payer: str, payee: str, amount_minor: int, rhythm: Rhythm) -> None:
        first_at, every, reference = rhythm
        ends, currency = (self._ids[payer], self._ids[payee]), ACCOUNTS[payer][2]
        action = Schedule(*ends, amount_minor, currency, first_at, every, reference=reference)
        self._accounts.schedules.create(self._owner(payer), action, None)

    def limit(self, name: str, credit_minor: int, day_minor: int) -> None:
        teller = self._callers["teller"]
        self._accounts.limit_credit(teller, self._ids[name], credit_minor)
        self._accounts.limit_day(teller, self._ids[name], day_minor)

    def _owner(self, name: str) -> Caller:
        return self._callers[ACCOUNTS[name][0]]


def _year(
    story: _Story, random: Random, since: datetime, until: datetime
) -> Iterator[tuple[datetime, Act]]:
    """Yield the actions of a year, each with its time."""
    for day in range(1, (until - since).days + 1):
        morning = since + timedelta(days=day, hours=-9)
        for at, act in [*_bills(story, random, morning), *_shopping(story, random, morning)]:
            if at < until - timedelta(minutes=5):
                yield at, act
    yield from _extras(story, until)


def _bills(story: _Story, random: Random, morning: datetime) -> Iterator[tuple[datetime, Act]]:
    for day, hour, payer, payee, least_minor, most_minor, what in MONTHLY:
        if morning.day == day:
            at = morning + timedelta(hours=hour, minutes=random.randrange(45))
            amount_minor = random.randrange(least_minor, most_minor + 1)
            yield at, partial(story.pay, payer, payee, amount_minor, what)


def _shopping(story: _Story, random: Random, morning: datetime) -> Iterator[tuple[datetime, Act]]:
    for shopper in SHOPPERS:
        at = morning + timedelta(minutes=random.randrange(8 * 60, 20 * 60))
        chance, amount_minor = random.random(), random.randrange(1_150, 8_900)
        if chance < 0.28:  # noqa: PLR2004 - twice a week
            yield at, partial(story.pay, shopper, "market", amount_minor, "Groceries")
        elif chance > 0.97:  # noqa: PLR2004 - once a month
            cash_minor = random.choice((2_000, 5_000, 10_000))
            yield at, partial(story.pay_out, shopper, cash_minor, "Cash")


def _extras(story: _Story, until: datetime) -> Iterator[tuple[datetime, Act]]:
    """Yield the single actions: a reversal, holds, schedules and limits."""
    month_ahead = (until.replace(day=1) + timedelta(days=32)).replace(day=3, hour=8, minute=0)
    monday = until + timedelta(days=7 - until.weekday())
    yield until - timedelta(days=200), partial(story.pay_out, "ada-travel", 14_000, "New York")
    yield until - timedelta(days=90), partial(story.pay_in, "chiara-kyoto", 45_000, "Saved up")
    wine, hall, party = "Wine for the party", "Deposit for the hall", "Deposit for the party room"
    yield until - timedelta(days=40), partial(story.pay, "ada", "market", 18_240, wine)
    back = partial(story.give_back, wine, "market", 4_560, "Bottles returned")
    yield until - timedelta(days=39), back
    yield until - timedelta(days=12), partial(story.set_aside, "chiara", "harbour", 15_000, hall)
    yield until - timedelta(days=10), partial(story.take, hall, "harbour", 9_000)
    yield until - timedelta(hours=20), partial(story.set_aside, "ada", "harbour", 12_000, party)
    yield until - timedelta(hours=19), partial(story.limit, "ben", 50_000, 200_000)
    rent = month_ahead, Every.MONTH, "Rent, by itself from now on"
    yield until - timedelta(hours=3), partial(story.repeat, "ada", "harbour", 95_000, rent)
    weekly = monday, Every.WEEK, "A little every week"
    yield until - timedelta(hours=2), partial(story.repeat, "ben", "ben-savings", 2_500, weekly)
