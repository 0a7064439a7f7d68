"""New passwords: the blocklist, names, and no other rules."""

import pytest

from accounts_bank.collections.password_rules import _common_passwords, check_password
from accounts_bank.errors import PasswordWeak
from accounts_bank.sandbox import demo
from tests.helpers import PASSWORD


def is_weak(password: str, *names: str) -> bool:
    try:
        check_password(password, names)
    except PasswordWeak:
        return True
    return False


@pytest.mark.parametrize("password", ["password", "12345678", "Password1", "QWERTYUIOP"])
def test_a_common_password_is_weak_in_every_case_of_its_letters(password):
    assert is_weak(password)


def test_the_blocklist_has_the_ten_thousand_most_common_of_the_permitted_length():
    assert len(_common_passwords()) == 10_000
    assert min(map(len, _common_passwords())) == 8


@pytest.mark.parametrize(
    "password",
    ["ada12345", "1815lovelace", "lovelaceada", "accounts2026", "Accounts Bank!", "bank1234"],
)
def test_a_name_with_little_more_is_weak(password):
    assert is_weak(password, "ada", "Ada Lovelace")


@pytest.mark.parametrize(
    "password",
    [
        *(PASSWORD, demo.PASSWORD, "battery staple", "correct horse battery staple"),
        *("aaaaaaab", "ada counts horses", "\U0001f40e\U0001f50b\U0001f4ce" * 3, "        x"),
    ],
)
def test_no_other_rule_is_asked_of_a_password(password):
    assert not is_weak(password, "ada", "Ada Lovelace")


def test_a_password_of_the_advised_length_may_hold_a_name_but_not_be_the_username():
    assert not is_weak("ada-lovelace-1815", "ada", "Ada Lovelace")
    assert is_weak("augusta-ada-king", "augusta-ada-king")


def test_a_name_of_two_letters_forbids_nothing():
    assert not is_weak("al1234567", "al")


def test_sign_up_and_a_new_password_are_checked(bank):
    with pytest.raises(PasswordWeak):
        bank.users.sign_up("countess", "countess1815")
    user = bank.users.sign_up("countess", PASSWORD, "Ada Lovelace")
    _, session = bank.users.login("countess", PASSWORD)
    caller = bank.users.caller(user.id, session.id)
    for weak in ("password1", "lovelace1815"):
        with pytest.raises(PasswordWeak):
            bank.users.change_password(caller, PASSWORD, weak)
    bank.users.login("countess", PASSWORD)
