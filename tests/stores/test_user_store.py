"""The contract of every user store."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from accounts_bank.identity import ApiKey, Event, Role, Scope, Session, User
from accounts_bank.stores.base import PutStatus
from tests.helpers import START, Ids
from tests.stores.books import at_once
from tests.stores.journals import journal_of, sealed

ids = Ids()


def user(username: str, **more) -> User:
    known: dict[str, Any] = {"full_name": None, "password_hash": "hash", "created_at": START}
    return User(id=ids(), username=username, **(known | more))


def event(kind: str = "login") -> Event:
    return Event(ids(), kind, START, None, None)


def changed(kept: User, **fields) -> User:
    return replace(kept, version=kept.version + 1, **fields)


def test_a_user_comes_back_as_it_was_put(user_store):
    ada = user(
        "Ada Ⅻ",
        full_name="Ada Lovelace 👩‍💻",
        role=Role.TELLER,
        sessions=(Session("s1", "r1", START + timedelta(days=1)), Session("s2", "r2", START)),
    )
    assert user_store.put([ada]) == [PutStatus.SAVED]
    assert user_store.users([ada.id, "nobody"]) == {ada.id: ada}
    assert user_store.user_named("ada xii") == ada
    assert user_store.user_named("Ada Ⅻ") is None
    assert user_store.user_named("") is None


@pytest.mark.parametrize("other", ["ada", "ADA", "\uff21da"])
def test_a_name_that_compares_equal_is_taken(user_store, other):
    ada = user("Ada")
    user_store.put([ada])
    assert user_store.put([user(other)], [event()]) == [PutStatus.USERNAME_TAKEN]
    assert user_store.user_named("ada") == ada
    assert sealed(user_store) == []


def test_a_skeleton_belongs_to_one_user_until_it_is_deleted(user_store):
    ada, twin = user("paypal", skeleton="paypal"), user("paypa1", skeleton="paypal")
    assert user_store.put([ada]) == [PutStatus.SAVED]
    assert user_store.put([twin], [event()]) == [PutStatus.USERNAME_TAKEN]
    assert user_store.put([user("eve"), user("bob")]) == [PutStatus.SAVED] * 2
    left = changed(ada, username="", skeleton=None, deleted_at=START)
    assert user_store.put([left]) == [PutStatus.SAVED]
    assert user_store.put([twin]) == [PutStatus.SAVED]
    assert user_store.users([twin.id]) == {twin.id: twin}
    assert user_store.put([changed(twin, full_name="Twin")]) == [PutStatus.SAVED]


def test_two_look_alikes_of_one_put_are_not_both_saved(user_store):
    twins = [user(name, skeleton="paypal") for name in ("paypal", "paypa1")]
    assert user_store.put(twins) == [PutStatus.SAVED, PutStatus.USERNAME_TAKEN]


def test_a_session_comes_back_with_its_device(user_store):
    session = Session("s", "r", START, START, START + timedelta(hours=1), "198.51.100.8")
    session = replace(session, agent="Browser \u00e9", is_of_pages=True, previous_id="p")
    ada = user("ada", sessions=(session,))
    user_store.put([ada])
    assert user_store.users([ada.id])[ada.id].sessions == (session,)


def test_two_names_of_one_put_that_compare_equal_are_not_both_saved(user_store):
    ada, twin, bob = user("ada"), user("Ada"), user("bob")
    statuses = user_store.put([ada, twin, bob], [event()])
    assert statuses == [PutStatus.SAVED, PutStatus.USERNAME_TAKEN, PutStatus.SAVED]
    assert user_store.users([ada.id, twin.id, bob.id]) == {ada.id: ada, bob.id: bob}
    assert sealed(user_store) == []


def test_only_the_next_version_replaces_a_user(user_store):
    ada = user("ada")
    assert user_store.put([changed(ada)]) == [PutStatus.VERSION_CONFLICT]
    user_store.put([ada])
    assert user_store.put([ada], [event()]) == [PutStatus.VERSION_CONFLICT]
    newer = changed(ada, full_name="Ada")
    assert user_store.put([newer]) == [PutStatus.SAVED]
    assert user_store.put([newer]) == [PutStatus.VERSION_CONFLICT]
    assert user_store.put([changed(changed(newer))]) == [PutStatus.VERSION_CONFLICT]
    assert user_store.users([ada.id]) == {ada.id: newer}
    assert sealed(user_store) == []


def test_a_deleted_users_name_is_free_and_its_id_is_kept(user_store):
    ada = user("ada")
    user_store.put([ada])
    gone = changed(ada, username="", password_hash="", deleted_at=START)
    assert user_store.put([gone]) == [PutStatus.SAVED]
    assert user_store.user_named("ada") is None
    assert user_store.users([ada.id]) == {ada.id: gone}
    assert user_store.put([user("ada")]) == [PutStatus.SAVED]


def test_any_number_of_users_may_be_deleted(user_store):
    for name in ("ada", "bob"):
        kept = user(name)
        user_store.put([kept])
        assert user_store.put([changed(kept, username="", deleted_at=START)]) == ["saved"]


def test_a_changed_name_frees_the_old_one(user_store):
    ada = user("ada")
    user_store.put([ada])
    user_store.put([changed(ada, username="countess")])
    assert user_store.user_named("ada") is None
    assert user_store.user_named("countess").id == ada.id


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_of_users_join(user_store, limit):
    users = [user(f"user{n}") for n in range(5)]
    for each in (users[3], users[0], users[4], users[2], users[1]):
        user_store.put([each])
    found, after = [], ""
    while page := user_store.users_after(after, limit=limit):
        assert len(page) <= limit
        found += page
        after = page[-1].id
    assert found == users


def test_events_are_numbered_in_order(user_store):
    events = [event("user_registered"), event("login"), event("login_failed")]
    user_store.put([user("ada")], events[:2])
    user_store.put([], events[2:])
    journal = journal_of(user_store)
    assert journal.backlog(2) == (2, START)
    assert journal.seal(2) == 2
    assert [each.item for each in journal.sealed_after(0, 9)] == events[:2]
    assert sealed(user_store) == events
    assert user_store.events([each.id for each in events]) == {each.id: each for each in events}


@pytest.mark.usefixtures("switching")
def test_of_racing_sign_ups_with_one_name_one_wins(user_store):
    for turn in range(20):
        said = at_once(16, lambda _, turn=turn: user_store.put([user(f"ada{turn}")], [event()]))
        assert sorted(each for (each,) in said) == ["saved"] + ["username_taken"] * 15
    assert len(sealed(user_store)) == 20


@pytest.mark.usefixtures("switching")
def test_racing_changes_of_one_user_lose_none(user_store):
    ada = user("ada")
    user_store.put([ada])

    def add_sessions(number):
        for turn in range(10):
            session = Session(f"{number}-{turn}", "r", START)
            while True:
                kept = user_store.users([ada.id])[ada.id]
                if user_store.put([changed(kept, sessions=(*kept.sessions, session))]) == ["saved"]:
                    break

    at_once(16, add_sessions)
    kept = user_store.users([ada.id])[ada.id]
    assert (kept.version, len({session.id for session in kept.sessions})) == (161, 160)


def test_a_key_finds_its_owner_until_it_is_ended(user_store):
    keys = tuple(
        ApiKey(
            id=f"k{number}",
            name="Shop é",
            prefix="acc_12345678",
            hash=f"{number}" * 64,
            scopes=(Scope.ACCOUNTS_READ, Scope.PAYMENTS_WRITE),
            created_at=START,
            accounts=("a", "b") if number else None,
            expires_at=START + timedelta(days=number),
            last_used_at=START if number else None,
        )
        for number in range(3)
    )
    ada, bob = user("ada", api_keys=keys[:2]), user("bob", api_keys=keys[2:])
    assert user_store.put([ada, bob]) == [PutStatus.SAVED] * 2
    hashes = [each.hash for each in keys]
    owners = dict(zip(hashes, (ada.id, ada.id, bob.id), strict=True))
    assert user_store.key_owners([*hashes, "f" * 64]) == owners
    assert user_store.users([ada.id, bob.id]) == {ada.id: ada, bob.id: bob}
    after = changed(ada, api_keys=(keys[1], replace(keys[0], id="k9", hash="9" * 64)))
    assert user_store.put([after]) == [PutStatus.SAVED]
    user_store.settle()
    assert user_store.key_owners([*hashes, "9" * 64]) == {
        hashes[1]: ada.id,
        hashes[2]: bob.id,
        "9" * 64: ada.id,
    }
    left = changed(after, username="", api_keys=(), deleted_at=START)
    assert user_store.put([left]) == [PutStatus.SAVED]
    user_store.settle()
    assert user_store.key_owners(hashes) == {hashes[2]: bob.id}
    assert user_store.key_owners([]) == {}


def test_a_restored_user_has_its_keys(user_store):
    key = ApiKey("k", "Shop", "acc_1", "f" * 64, (Scope.EVENTS_READ,), START)
    ada = replace(user("ada", api_keys=(key,)), version=7)
    user_store.restore([ada, user("bob")])
    assert user_store.key_owners([key.hash]) == {key.hash: ada.id}
    assert user_store.user_named("ada") == ada
