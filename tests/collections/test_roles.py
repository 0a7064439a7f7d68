"""Concurrent changes of roles always leave an admin."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from accounts_bank.collections import users
from accounts_bank.errors import LastAdmin, NotFound
from accounts_bank.identity import Caller, Role, User
from accounts_bank.stores.memory import InMemoryUserStore
from tests.helpers import PASSWORD, Teller
from tests.stores.journals import sealed

NOBODYS_HASH = "x"


def admin(bank: Teller, name: str) -> tuple[User, Caller]:
    user = bank.users.add(name, NOBODYS_HASH, role=Role.ADMIN)
    return user, Caller(user.id, user.role, "session")


def admins(bank: Teller) -> list[str]:
    return [user.username for user in bank.user_store.users_after("", limit=100) if is_admin(user)]


def is_admin(user: User) -> bool:
    return user.role is Role.ADMIN and user.deleted_at is None


class _Slow(InMemoryUserStore):
    """Lets other threads run between a read and its write."""

    def users_after(self, user_id: str, *, limit: int) -> list[User]:
        found = super().users_after(user_id, limit=limit)
        time.sleep(0.01)
        return found


def test_two_admins_that_demote_each_other_leave_one():
    bank = Teller(user_store=_Slow())
    made = [admin(bank, f"admin {number}") for number in range(6)]
    start = Barrier(len(made))

    def take(number: int) -> str:
        (_, caller), (user, _) = made[number], made[number - 1]
        start.wait()
        try:
            return bank.users.change_role(caller, user.id, Role.CUSTOMER).role
        except LastAdmin as error:
            return error.code

    with ThreadPoolExecutor(len(made)) as pool:
        answers = list(pool.map(take, range(len(made))))
    assert 1 <= len(admins(bank)) == answers.count("last_admin")


class _Interrupted(InMemoryUserStore):
    """Lets another process act right before a write."""

    act: Callable[[], object] | None = None

    def put(self, given, events=()):
        act, self.act = self.act, None
        if act is not None:
            act()
        return super().put(given, events)


def test_two_processes_that_demote_each_others_admin_leave_one():
    store = _Interrupted()
    here, there = Teller(user_store=store), Teller(user_store=store)
    there.users._new_id = here.users._new_id
    (ada, as_ada), (bob, as_bob) = admin(here, "ada"), admin(here, "bob")
    store.act = lambda: there.users.change_role(as_bob, ada.id, Role.CUSTOMER)
    with pytest.raises(LastAdmin):
        here.users.change_role(as_ada, bob.id, Role.CUSTOMER)
    assert admins(here) == ["bob"]
    kinds = [event.kind for event in sealed(store)]
    assert kinds[-3:] == ["role_changed_to_customer"] * 2 + ["role_restored"]


def test_an_admin_is_found_behind_many_users(bank, monkeypatch):
    monkeypatch.setattr(users, "SCANNED_USERS", 2)
    first, caller = admin(bank, "first")
    for number in range(5):
        bank.users.add(f"user {number}", NOBODYS_HASH)
    with pytest.raises(LastAdmin):
        bank.users.change_role(caller, first.id, Role.TELLER)
    admin(bank, "last")
    assert bank.users.change_role(caller, first.id, Role.TELLER).role is Role.TELLER


def test_a_deleted_admin_does_not_count(bank):
    (first, caller), (_, other) = admin(bank, "first"), admin(bank, "other")
    bank.users.delete(other)
    with pytest.raises(LastAdmin):
        bank.users.change_role(caller, first.id, Role.CUSTOMER)


def test_a_user_deleted_during_the_change_is_not_found():
    store = _Interrupted()
    bank, other = Teller(user_store=store), Teller(user_store=store)
    other.users._new_id = bank.users._new_id
    _, caller = admin(bank, "root")
    ada = bank.users.sign_up("ada", PASSWORD)
    store.act = lambda: other.users.delete(Caller(ada.id, ada.role, "session"))
    with pytest.raises(NotFound):
        bank.users.change_role(caller, ada.id, Role.TELLER)


def test_a_role_given_meanwhile_is_not_taken_from_the_last_admin():
    store = _Interrupted()
    bank = Teller(user_store=store)
    root, caller = admin(bank, "root")
    ada = bank.users.sign_up("ada", PASSWORD)
    other = Teller(user_store=store)
    other.users._new_id = bank.users._new_id

    def swap() -> None:
        other.users.change_role(caller, ada.id, Role.ADMIN)
        other.users.change_role(caller, root.id, Role.CUSTOMER)

    store.act = swap
    with pytest.raises(LastAdmin):
        bank.users.change_role(caller, ada.id, Role.TELLER)
    assert admins(bank) == ["ada"]
