"""Keys in several processes: two banks here have one user store, each behind a cache of its own."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from accounts_bank.collections.api_keys import NOTED_EVERY, TRY_AGAIN_S, KeyUses
from accounts_bank.errors import InvalidToken, NotFound, Unavailable
from accounts_bank.identity import ApiKey, Caller, KeyRole, Role, Scope
from accounts_bank.ledger.actions import Every
from accounts_bank.stores.memory import InMemoryUserStore
from accounts_bank.stores.wrappers.user_cache import UserCache
from tests.helpers import START, Teller
from tests.waiting import within


@pytest.fixture
def banks():
    store = InMemoryUserStore()
    return Teller(user_store=UserCache(store)), Teller(user_store=UserCache(store))


@pytest.fixture
def ada(banks) -> Caller:
    user = banks[0].users.add("ada", "hash")
    return Caller(user.id, user.role, "s")


def is_dead(bank, secret: str) -> bool:
    try:
        bank.users.keys.caller(secret)
    except InvalidToken:
        return True
    return False


def test_a_new_key_is_known_at_once_although_its_owner_is_cached(banks, ada):
    here, there = banks
    there.user_store.users([ada.id])
    key, secret = here.users.keys.make(ada, "shop", [Scope.ACCOUNTS_READ])
    caller = there.users.keys.caller(secret)
    assert (caller.id, caller.role, caller.key.id) == (ada.id, KeyRole(Role.CUSTOMER), key.id)


def test_the_end_of_a_key_is_in_force_everywhere_on_return(banks, ada):
    here, there = banks
    key, secret = here.users.keys.make(ada, "shop", [Scope.ACCOUNTS_READ])
    assert not is_dead(there, secret)
    here.users.keys.end(ada, key.id)
    assert is_dead(here, secret)
    assert is_dead(there, secret)


def test_the_end_of_its_owner_is_the_end_of_a_key(banks, ada):
    here, there = banks
    _, secret = here.users.keys.make(ada, "shop", [Scope.ACCOUNTS_READ])
    assert not is_dead(there, secret)
    here.users.delete(ada)
    assert is_dead(there, secret)


def test_a_new_role_of_the_owner_is_the_role_of_its_key(banks, ada):
    here, there = banks
    _, secret = here.users.keys.make(ada, "shop", [Scope.PAYMENTS_WRITE])
    there.users.keys.caller(secret)
    here.users.change_role(Caller("root", Role.ADMIN, "s"), ada.id, Role.AUDITOR)
    assert within(10, lambda: there.users.keys.caller(secret).role == KeyRole(Role.AUDITOR))


def test_one_process_of_several_writes_a_use(banks, ada):
    here, there = banks
    key, secret = here.users.keys.make(ada, "shop", [Scope.ACCOUNTS_READ])
    here.users.keys.caller(secret)
    version = here.user_store.users([ada.id])[ada.id].version
    there.users.keys.caller(secret)
    assert there.users.keys.read(ada, key.id).last_used_at is not None
    assert there.users.user(ada).version == version


def test_a_use_is_written_by_the_runner_and_again_after_an_outage():
    key = ApiKey("k", "shop", "acc_1", "f" * 64, (Scope.EVENTS_READ,), START)
    outcomes = [Unavailable("away"), None, NotFound(), None]
    written: list[tuple[object, ...]] = []
    woken: list[float] = []

    def write(*use) -> None:
        written.append(use)
        error = outcomes.pop(0)
        if error:
            raise error

    uses = KeyUses(write)
    uses.wake = woken.append
    uses.note("ada", key, START)
    uses.note("ada", key, START + timedelta(seconds=1))
    assert (written, woken) == ([], [0.0])
    assert uses.tick() == TRY_AGAIN_S
    assert uses.tick() is None
    assert written == [("ada", "k", START)] * 2
    uses.note("ada", key, START + NOTED_EVERY)
    assert uses.tick() is None
    assert uses.tick() is None
    assert len(written) == 3


def test_the_runs_of_a_schedule_count_against_the_limit_of_its_key():
    bank = Teller()
    bank.given(ada=1000, bob=0)
    key = ApiKey("k", "shop", "acc_1", "f" * 64, (Scope.SCHEDULES_WRITE,), START)
    key = replace(key, daily_limit_minor=50)
    person = bank.callers["ada"]
    bank.callers["ada"] = Caller(person.id, KeyRole(Role.CUSTOMER), "", key)
    for amount_minor in (30, 30):
        bank.schedule("ada", "bob", amount_minor, every=Every.ONCE)
    bank.due_work.run_due()
    assert bank.balances() == {"ada": 970, "bob": 30}
