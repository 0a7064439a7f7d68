"""The rules of a new password (NIST SP 800-63B-4, 3.1.1.2): a length and a blocklist."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from unicodedata import normalize

from accounts_bank.errors import PasswordWeak

LENGTH_MIN, LENGTH_MAX = 8, 256
LENGTH_ADVISED = 15
"""NIST SP 800-63B-4 asks for it where a password is the only factor; the pages advise it."""

BANK_NAMES = ("accounts", "bank")
NAME_MIN, REST_MIN = 3, 4
"""A name of fewer letters is ignored. A password needs this many letters beside names."""

_COMMON = "This password is one of the most common ones. Choose another, such as several words."
_NAMED = "This password is little more than a name. Choose another, such as several words."


def check_password(password: str, names: Iterable[str | None] = ()) -> None:
    """Check a new password against the blocklist; the schema of the request checks its length.

    :param names: the username and the full name of the user.
    :raises PasswordWeak: it is common, or little more than the name of the user or of the bank.
    """
    folded = _folded(password)
    if folded in _common_passwords():
        raise PasswordWeak(_COMMON)
    if _is_a_name(folded, [_folded(name) for name in names if name]):
        raise PasswordWeak(_NAMED)


def _is_a_name(password: str, names: list[str]) -> bool:
    """Return whether few letters of a password remain without the names in it.

    A password of the advised length is no name but for the username itself.
    """
    if len(password) >= LENGTH_ADVISED:
        return password in names[:1]
    parts = {_letters(part) for name in names for part in (name, *name.split())} | {*BANK_NAMES}
    letters = rest = _letters(password)
    for part in sorted(parts, key=len, reverse=True):
        rest = rest.replace(part, "") if len(part) >= NAME_MIN else rest
    return password in names or (rest != letters and len(rest) < REST_MIN)


def _letters(text: str) -> str:
    return "".join(each for each in text if each.isalpha())


def _folded(text: str) -> str:
    return normalize("NFKC", text).casefold()


@cache
def _common_passwords() -> frozenset[str]:
    """Read the list on the first use; its head names the source and the licence."""
    text = files("accounts_bank.collections").joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line.partition(" ")[0] != "#")
