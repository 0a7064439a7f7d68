"""The cache of users: what it may show, and for how long."""

from contextlib import suppress

import pytest
from msgspec.structs import replace

from accounts_bank.collections import user_changes
from accounts_bank.errors import InvalidToken
from accounts_bank.identity import ApiKey, Caller, Role, Scope, User
from accounts_bank.stores.memory import InMemoryUserStore
from accounts_bank.stores.wrappers import user_cache
from accounts_bank.stores.wrappers.user_cache import UserCache
from tests.helpers import PASSWORD, START, Teller, cheap
from tests.stores.books import at_once
from tests.waiting import within


@pytest.fixture
def store():
    made = InMemoryUserStore()
    made.put([ada])
    return made


ada = User(id="a", username="ada", full_name=None, password_hash="hash", created_at=START)
changed = replace(ada, version=2, full_name="Ada")


def test_a_change_by_another_process_is_seen_after_a_moment(store, monkeypatch):
    now_s = [0.0]
    monkeypatch.setattr(user_cache, "monotonic", lambda: now_s[0])
    cache = UserCache(store)
    assert cache.users(["a"]) == {"a": ada}
    store.put([changed])
    assert cache.users(["a"]) == {"a": ada}
    now_s[0] = user_cache.LASTS_S
    assert cache.users(["a"]) == {"a": changed}
    assert user_cache.LASTS_S <= 1


def test_a_change_by_this_process_is_seen_at_once(store):
    cache = UserCache(store)
    cache.users(["a"])
    cache.put([changed])
    assert cache.users(["a", "b"]) == {"a": changed}


def test_a_read_from_before_a_change_is_not_cached(store, monkeypatch):
    cache, read_users = UserCache(store), store.users

    def slow_users(ids):
        read = read_users(ids)
        monkeypatch.undo()
        cache.put([changed])
        return read

    monkeypatch.setattr(store, "users", slow_users)
    assert cache.users(["a"]) == {"a": ada}
    assert cache.users(["a"]) == {"a": changed}


def test_concurrent_reads_query_the_store_twice(store, monkeypatch):
    asked, read_users, cache = [], store.users, UserCache(store)

    def slow_users(ids):
        asked.append(list(ids))
        assert len(asked) > 1 or within(30, lambda: len(cache._loads._next.waiters) == 15)
        return read_users(ids)

    monkeypatch.setattr(store, "users", slow_users)
    monkeypatch.setattr(user_cache, "LASTS_S", 0)
    assert at_once(16, lambda _: cache.users(["a"])) == [{"a": ada}] * 16
    assert asked == [["a"]] * 2


def test_the_cache_is_bounded(store, monkeypatch):
    monkeypatch.setattr(user_cache, "USERS_MAX", 1)
    store.put([replace(ada, id="b", username="bob")])
    cache = UserCache(store)
    for _ in range(2):
        assert cache.users(["a"]).keys() == {"a"}
        assert cache.users(["b"]).keys() == {"b"}
    assert len(cache._read) == 1


@pytest.fixture
def two(store):
    """Serve the users of one store by two processes, each with what it remembers."""
    one, other = (Teller(user_store=UserCache(store)) for _ in range(2))
    for _ in range(100):
        other.ids()  # so that no id is given twice
    return [one.users, other.users]


def test_a_session_of_one_process_is_known_to_the_other_at_once(two):
    one, other = two
    one.add("bob", cheap().hash(PASSWORD))
    user, first = one.login("bob", PASSWORD)
    other.caller(user.id, first.id)  # which is remembered
    _, second = one.login("bob", PASSWORD)
    assert other.caller(user.id, second.id).session_id == second.id


def test_a_session_ended_by_one_process_is_dead_at_the_other(two):
    one, other = two
    one.add("bob", cheap().hash(PASSWORD))
    for end in (
        lambda user, caller: one.logout(caller),
        lambda user, caller: one.change_password(
            Caller(user.id, user.role, "x"), PASSWORD, PASSWORD
        ),
        lambda user, caller: one.refresh(user.id, caller.session_id, "spent"),
        lambda user, caller: one.delete(caller),
    ):
        user, session = one.login("bob", PASSWORD)
        caller = other.caller(user.id, session.id)  # which is remembered
        with suppress(InvalidToken):
            end(user, caller)
        with pytest.raises(InvalidToken):
            other.caller(user.id, session.id)


def test_signing_out_everywhere_waits_for_no_other_session(two, monkeypatch):
    one, _ = two
    user = one.add("bob", cheap().hash(PASSWORD))
    sessions = [one.login("bob", PASSWORD)[1] for _ in range(8)]
    monkeypatch.setattr(user_changes, "LOCK_TIMEOUT_S", 2 * user_cache.LASTS_S)
    at_once(8, lambda number: one.logout(Caller(user.id, user.role, sessions[number].id)))
    assert one.login("bob", PASSWORD)[0].sessions[:-1] == ()


def test_a_role_given_at_one_process_counts_at_the_other_when_it_is_answered(two):
    one, other = two
    user = one.add("bob", cheap().hash(PASSWORD))
    _, session = one.login("bob", PASSWORD)
    assert other.caller(user.id, session.id).role is Role.CUSTOMER
    one.change_role(Caller("root", Role.ADMIN, "x"), user.id, Role.TELLER)
    assert other.caller(user.id, session.id).role is Role.TELLER


def test_a_name_given_at_one_process_is_read_at_the_other(two):
    one, other = two
    user = one.add("bob", cheap().hash(PASSWORD))
    caller = Caller(user.id, user.role, "x")
    assert other.user(caller).full_name is other.read(user.id).full_name is None
    one.update(caller, "Bob")
    assert other.user(caller).full_name == other.read(user.id).full_name == "Bob"


def test_a_token_refreshed_at_one_process_is_not_taken_for_spent_at_the_other(two):
    one, other = two
    one.add("bob", cheap().hash(PASSWORD))
    user, session = one.login("bob", PASSWORD)
    for each in (other, one, other):
        each.caller(user.id, session.id)
    for turn in range(4):
        _, session = two[turn % 2].refresh(user.id, session.id, session.refresh_id)
    with pytest.raises(InvalidToken):
        one.refresh(user.id, session.id, "spent")


class Counting(InMemoryUserStore):
    """Counts the queries for owners of keys."""

    queries = 0

    def key_owners(self, hashes):
        self.queries += 1
        return super().key_owners(hashes)


def test_a_repeated_secret_costs_one_query_a_moment(monkeypatch):
    now_s = [0.0]
    monkeypatch.setattr(user_cache, "monotonic", lambda: now_s[0])
    store = Counting()
    key = ApiKey("k", "Shop", "acc_1", "f" * 64, (Scope.EVENTS_READ,), START)
    store.put([replace(ada, api_keys=(key,))])
    cache = UserCache(store)
    for _ in range(5):
        assert cache.key_owners([key.hash, "0" * 64]) == {key.hash: "a"}
    assert store.queries == 1
    store.put([replace(ada, version=2)])
    now_s[0] = user_cache.LASTS_S
    assert cache.key_owners([key.hash]) == {}
    assert store.queries == 2
