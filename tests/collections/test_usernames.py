"""Usernames: the characters that they may have, and names that look alike."""

import pytest

from accounts_bank.errors import UsernameNotAllowed, UsernameTaken
from accounts_bank.usernames import check_username, skeleton
from tests.helpers import PASSWORD


@pytest.mark.parametrize(
    "name",
    [
        *("Ada", "ada lovelace", "a_b-c.d+1@bank.example", "o'neil", "1815"),
        *("jos\u00e9", "\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2", "\u0645\u062d\u0645\u062f"),
        *("\u5c71\u7530\u305f\u308d\u3046", "\ud64d\uae38\ub3d9", "\uff21da"),
    ],
)
def test_names_of_people_are_permitted(name):
    check_username(name)


@pytest.mark.parametrize(
    "name",
    [
        *("ad\u200da", "ad\u200ba", "ad\u00ada", "a\u034fda", "\u3164", "\u115f", "ada\ufe0f"),
        *("ada\u200e", "ada\u202e", "ada\u2066", "ad\U000e0061a", "\u2800", "ada\ufff9"),
        *(
            "ada\U0001f600",
            "\ufb01x",
            "ada\u00bd",
            "ada  b",
            "...",
            "-_-",
            "ada\ue000",
            "ada\u0378",
        ),
        *("ad\u0430", "\u0430lice", "\u03bfk1a", "\u0661ada\u05d0"),
    ],
)
def test_invisible_characters_symbols_and_mixed_scripts_are_refused(name):
    with pytest.raises(UsernameNotAllowed) as caught:
        check_username(name)
    assert caught.value.code == "username_not_allowed"
    assert caught.value.detail.isascii()


@pytest.mark.parametrize(
    ("name", "other"),
    [
        *(("paypal", "paypa1"), ("paypal", "paypaI"), ("admin", "adrnin"), ("bob", "b0b")),
        *(("scope", "\u0455\u0441\u043e\u0440\u0435"), ("user1", "USERl"), ("Ivan", "lvan")),
        ("sandbox-admin", "sandbox\u2010admin"),
    ],
)
def test_names_that_look_alike_have_one_skeleton(name, other):
    assert skeleton(name) == skeleton(other)


def test_names_that_differ_have_different_skeletons():
    names = [*(f"user-{number}" for number in range(2000)), "jose", "jos\u00e9", "ivan", "lvan"]
    assert len({skeleton(name) for name in names}) == len(names)


def test_a_look_alike_is_taken_until_its_user_leaves(bank):
    user = bank.users.sign_up("paypal", PASSWORD)
    for other in ("paypa1", "PAYPA1", "paypaI"):
        with pytest.raises(UsernameTaken):
            bank.users.sign_up(other, PASSWORD)
    _, session = bank.users.login("paypal", PASSWORD)
    bank.users.delete(bank.users.caller(user.id, session.id))
    assert bank.users.sign_up("paypa1", PASSWORD).username == "paypa1"
