"""UserCollection: users, sessions, passwords and deletion."""

from datetime import timedelta
from threading import Barrier
from time import sleep

import pytest
from msgspec.structs import astuple

from accounts_bank.collections import user_changes
from accounts_bank.collections.sessions import SESSIONS_MAX
from accounts_bank.collections.user_changes import TRIES_MAX
from accounts_bank.errors import (
    InvalidCredentials,
    InvalidToken,
    NotFound,
    Refused,
    Unavailable,
    UsernameTaken,
)
from accounts_bank.identity import Caller, Device, Role
from accounts_bank.stores.base import PutStatus
from accounts_bank.stores.memory import InMemoryUserStore
from tests.helpers import Teller
from tests.stores.books import at_once
from tests.stores.journals import sealed

PASSWORD = "correct horse"


def signed_in(bank, username="ada") -> Caller:
    user, session = bank.users.login(username, PASSWORD)
    return Caller(user.id, user.role, session.id)


@pytest.fixture
def ada(bank) -> Caller:
    """Sign Ada up and in."""
    bank.users.sign_up("ada", PASSWORD, "Ada Lovelace")
    return signed_in(bank)


def events(bank) -> list[str]:
    return [event.kind for event in sealed(bank.user_store)]


def is_alive(bank, caller: Caller) -> bool:
    try:
        return bank.users.caller(caller.id, caller.session_id) == caller
    except InvalidToken:
        return False


def test_a_new_user_is_a_customer(bank):
    user = bank.users.sign_up("Ada", PASSWORD, "Ada Lovelace")
    assert (user.username, user.full_name, user.role) == ("Ada", "Ada Lovelace", Role.CUSTOMER)
    assert PASSWORD not in user.password_hash
    assert events(bank) == ["user_registered"]


@pytest.mark.parametrize("other", ["ada", "ADA", "\uff21da"])
def test_a_name_that_compares_equal_is_taken(bank, other):
    bank.users.sign_up("Ada", PASSWORD)
    with pytest.raises(UsernameTaken):
        bank.users.sign_up(other, PASSWORD)


def test_one_of_many_racing_sign_ups_with_one_name_wins(bank):
    barrier = Barrier(8)

    def sign_up(_):
        barrier.wait()
        try:
            return bank.users.sign_up("ada", PASSWORD).id
        except UsernameTaken:
            return None

    winners = [each for each in at_once(8, sign_up) if each]
    assert winners == [bank.user_store.user_named("ada").id]


def test_the_right_password_starts_a_session(bank, ada):
    assert bank.users.caller(ada.id, ada.session_id) == ada
    assert events(bank) == ["user_registered", "login"]


def test_a_name_signs_in_in_every_spelling(bank, ada):
    assert signed_in(bank, "ADA").id == ada.id


def test_a_password_is_the_same_on_every_keyboard(bank):
    bank.users.sign_up("ada", "pa\u0308ssword")
    user, _ = bank.users.login("ada", "p\u00e4ssword")
    assert user.username == "ada"


@pytest.mark.parametrize(("username", "password"), [("ada", "wrong"), ("eve", PASSWORD)])
def test_a_wrong_password_and_an_unknown_name_have_the_same_answer(bank, ada, username, password):
    with pytest.raises(InvalidCredentials) as caught:
        bank.users.login(username, password)
    assert caught.value.detail == "The username or the password is wrong."
    assert events(bank)[-1] == "login_failed"


def test_an_unknown_name_costs_as_much_as_a_wrong_password(bank, ada, monkeypatch):
    checked: list[str] = []

    def verify(_self, digest, _password):
        checked.append(digest)

    monkeypatch.setattr(type(bank.users._passwords._hasher), "verify", verify)
    with pytest.raises(InvalidCredentials):
        bank.users.login("eve", PASSWORD)
    bank.users.login("ada", PASSWORD)
    assert [digest.split("$")[1:4] for digest in checked] == [checked[0].split("$")[1:4]] * 2


def test_a_failed_login_names_the_user_by_id_alone(bank, ada):
    for name in ("ada", "eve"):
        with pytest.raises(InvalidCredentials):
            bank.users.login(name, "wrong")
    known, unknown = sealed(bank.user_store)[-2:]
    assert (known.user_id, unknown.user_id) == (ada.id, None)


def test_a_refreshed_session_goes_on(bank, ada):
    session = bank.user_store.users([ada.id])[ada.id].sessions[0]
    bank.clock.now += timedelta(days=20)
    user, fresh = bank.users.refresh(ada.id, session.id, session.refresh_id)
    assert fresh.id == session.id
    assert fresh.refresh_id != session.refresh_id
    assert fresh.expires_at > session.expires_at
    assert user.sessions == (fresh,)
    assert is_alive(bank, ada)


def test_a_spent_refresh_token_ends_the_session(bank, ada):
    session = bank.user_store.users([ada.id])[ada.id].sessions[0]
    _, fresh = bank.users.refresh(ada.id, session.id, session.refresh_id)
    with pytest.raises(InvalidToken):
        bank.users.refresh(ada.id, session.id, session.refresh_id)
    assert not is_alive(bank, ada)
    with pytest.raises(InvalidToken):
        bank.users.refresh(ada.id, session.id, fresh.refresh_id)
    assert events(bank)[-2:] == ["login_refreshed", "refresh_reused"]


def test_a_spent_refresh_token_ends_no_other_session(bank, ada):
    other = signed_in(bank)
    session = bank.user_store.users([ada.id])[ada.id].session(ada.session_id)
    bank.users.refresh(ada.id, session.id, session.refresh_id)
    with pytest.raises(InvalidToken):
        bank.users.refresh(ada.id, session.id, session.refresh_id)
    assert is_alive(bank, other)


def test_at_most_one_of_many_racing_refreshes_succeeds(bank, ada):
    session = bank.user_store.users([ada.id])[ada.id].sessions[0]
    barrier = Barrier(8)

    def refresh(_):
        barrier.wait()
        try:
            return bank.users.refresh(ada.id, session.id, session.refresh_id)[1]
        except InvalidToken:
            return None

    assert len([each for each in at_once(8, refresh) if each]) <= 1
    assert not is_alive(bank, ada)


def test_a_session_ends_after_its_lifetime(bank, ada):
    bank.clock.now += timedelta(days=31)
    assert not is_alive(bank, ada)
    again = signed_in(bank)
    kept = bank.user_store.users([ada.id])[ada.id]
    assert [session.id for session in kept.sessions] == [again.session_id]


def test_a_sign_in_too_many_ends_the_session_of_the_longest_rest_and_tells_it(bank, ada):
    others = [signed_in(bank) for _ in range(SESSIONS_MAX - 1)]
    session = bank.user_store.users([ada.id])[ada.id].session(ada.session_id)
    bank.users.refresh(ada.id, session.id, session.refresh_id)
    _, last = bank.users.login("ada", PASSWORD)
    assert last.displaced == others[0].session_id
    assert not is_alive(bank, others[0])
    assert all(is_alive(bank, caller) for caller in (ada, *others[1:]))
    assert len(bank.users.sessions(ada)) == SESSIONS_MAX
    assert events(bank)[-2:] == ["login", "session_displaced"]


def test_sessions_tell_their_devices_and_times_and_end_one_by_one(bank, ada):
    device = Device("198.51.100.8", "Browser/1.0")
    _, session = bank.users.login("ada", PASSWORD, device)
    newest, oldest = bank.users.sessions(ada)
    assert (newest.id, newest.address, newest.agent) == (session.id, *astuple(device)[:2])
    assert oldest.created_at < newest.created_at == newest.last_used_at
    bank.users.end_session(ada, session.id)
    assert [each.id for each in bank.users.sessions(ada)] == [ada.session_id]
    assert events(bank)[-1] == "session_ended"
    bank.users.sign_up("eve", PASSWORD)
    for session_id in (session.id, signed_in(bank, "eve").session_id, "none"):
        with pytest.raises(NotFound):
            bank.users.end_session(ada, session_id)


def test_a_session_of_the_api_does_not_end_by_rest(bank, ada):
    bank.clock.now += timedelta(days=29)
    assert is_alive(bank, ada)


def test_sign_out_ends_only_the_own_session(bank, ada):
    other = signed_in(bank)
    bank.users.logout(ada)
    assert (is_alive(bank, ada), is_alive(bank, other)) == (False, True)
    assert events(bank)[-1] == "logout"


def test_a_new_password_ends_every_other_session(bank, ada):
    other = signed_in(bank)
    bank.users.change_password(ada, PASSWORD, "battery staple")
    assert (is_alive(bank, ada), is_alive(bank, other)) == (True, False)
    with pytest.raises(InvalidCredentials):
        bank.users.login("ada", PASSWORD)
    bank.users.login("ada", "battery staple")


def test_a_password_change_needs_the_current_password(bank, ada):
    with pytest.raises(InvalidCredentials):
        bank.users.change_password(ada, "wrong", "battery staple")
    assert events(bank)[-1] == "password_refused"
    bank.users.login("ada", PASSWORD)


def test_a_login_with_the_old_password_does_not_outlive_its_change(bank, ada, monkeypatch):
    verify = bank.users._passwords.verify

    def slow_verify(password, digest):
        result = verify(password, digest)
        monkeypatch.undo()
        bank.users.change_password(ada, PASSWORD, "battery staple")
        return result

    monkeypatch.setattr(bank.users._passwords, "verify", slow_verify)
    with pytest.raises(InvalidCredentials):
        bank.users.login("ada", PASSWORD)


def test_the_later_of_two_racing_password_changes_is_refused(bank, ada, monkeypatch):
    hashed = bank.users._passwords.hash

    def slow_hash(password):
        monkeypatch.undo()
        bank.users.change_password(ada, PASSWORD, "battery staple")
        return hashed(password)

    monkeypatch.setattr(bank.users._passwords, "hash", slow_hash)
    with pytest.raises(InvalidCredentials):
        bank.users.change_password(ada, PASSWORD, "too late for it")
    bank.users.login("ada", "battery staple")


def test_the_profile_is_changed_and_emptied(bank, ada):
    assert bank.users.update(ada, "Countess").full_name == "Countess"
    assert bank.users.user(ada).full_name == "Countess"
    assert bank.users.update(ada, None).full_name is None


def test_a_deleted_user_leaves_only_an_id(bank, ada):
    other = signed_in(bank)
    bank.users.delete(ada)
    kept = bank.user_store.users([ada.id])[ada.id]
    assert (kept.username, kept.full_name, kept.password_hash, kept.sessions) == ("", None, "", ())
    assert (is_alive(bank, ada), is_alive(bank, other)) == (False, False)
    with pytest.raises(InvalidCredentials):
        bank.users.login("ada", PASSWORD)
    for act in (lambda: bank.users.user(ada), lambda: bank.users.update(ada, "Back")):
        with pytest.raises(InvalidToken):
            act()
    assert events(bank)[-2:] == ["user_deleted", "login_failed"]
    assert bank.users.sign_up("ada", PASSWORD).id != ada.id


def test_a_user_with_an_open_account_cannot_be_deleted(bank, ada):
    account = bank.accounts.open(ada, "Main", "EUR")
    with pytest.raises(Refused) as caught:
        bank.users.delete(ada)
    assert (caught.value.code, caught.value.extra) == ("accounts_open", {"open_accounts": 1})
    bank.accounts.close(ada, account.id)
    bank.users.delete(ada)


def test_a_deletion_and_an_opened_account_exclude_each_other(bank, ada):
    for _ in range(20):
        bank.users.sign_up("eve", PASSWORD)
        eve, barrier = signed_in(bank, "eve"), Barrier(2)

        def either(number, eve=eve, barrier=barrier):
            barrier.wait()
            try:
                return bank.users.delete(eve) if number else bank.accounts.open(eve, "M", "EUR")
            except Refused as error:
                return error.code

        opened, left = at_once(2, either)
        assert (opened == "customer_left") == (left is None)
        if left is not None:
            assert left == "accounts_open"
            bank.accounts.close(eve, opened.id)
            bank.users.delete(eve)


def test_a_new_role_takes_effect_at_once(bank):
    bank.users.add("tess", bank.users._passwords.hash(PASSWORD), role=Role.TELLER)
    caller = signed_in(bank, "tess")
    assert bank.users.caller(caller.id, caller.session_id).role is Role.TELLER


def test_conflicting_changes_are_tried_again_a_bounded_number_of_times(bank, ada, monkeypatch):
    put, conflicts = bank.user_store.put, [PutStatus.VERSION_CONFLICT] * (TRIES_MAX - 1)
    monkeypatch.setattr(
        bank.user_store, "put", lambda *args: [conflicts.pop()] if conflicts else put(*args)
    )
    assert bank.users.update(ada, "At last").full_name == "At last"
    conflicts += [PutStatus.VERSION_CONFLICT] * TRIES_MAX
    with pytest.raises(Unavailable):
        bank.users.update(ada, "Never")
    assert bank.users.user(ada).full_name == "At last"


def test_the_wait_for_the_lock_of_a_user_is_bounded(bank, ada, monkeypatch):
    monkeypatch.setattr(user_changes, "LOCK_TIMEOUT_S", 0.05)
    with bank.users._changes._lock(ada.id), pytest.raises(Unavailable):
        bank.users.update(ada, "Never")
    assert bank.users.update(ada, "At last").full_name == "At last"


class Slow(InMemoryUserStore):
    """Reads slowly, so that other threads change the user between a read and its write."""

    def users(self, ids):
        found = super().users(ids)
        sleep(0.002)
        return found


def test_many_concurrent_changes_of_one_user_all_succeed():
    users = Teller(user_store=Slow()).users
    user = users.add("ada", "hash")
    caller = Caller(user.id, user.role, "session")
    at_once(4 * TRIES_MAX, lambda number: users.update(caller, f"Ada {number}"))
    assert users.user(caller).version == 1 + 4 * TRIES_MAX


def test_an_id_that_is_given_is_used_once_even_if_its_user_leaves(bank):
    tess = bank.users.add("tess", "hash", user_id="staff-tess")
    bank.users.delete(Caller(tess.id, tess.role, "session"))
    with pytest.raises(UsernameTaken):
        bank.users.add("tess", "hash", user_id="staff-tess")
