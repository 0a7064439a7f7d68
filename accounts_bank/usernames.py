"""Usernames: the characters that a new one may have, and its skeleton, which look-alikes share.

The libraries load at the first new name: their tables take 0.2 s and a few megabytes.
"""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any
from unicodedata import category, normalize

import msgspec
from msgspec import Struct

from accounts_bank.errors import UsernameNotAllowed

_MIXED_SCRIPTS = (
    {"HAN", "HIRAGANA", "KATAKANA"},
    {"HAN", "HANGUL"},
    {"HAN", "BOPOMOFO"},
)
"""The scripts that are written together: Japanese, Korean, Chinese (UTS 39, 5.2)."""
_MARK = "\u200e"
"""Surrounds texts from right to left in the package's data."""
_NEUTRAL = {"COMMON", "INHERITED"}
_INVISIBLE = {"Cf", "Cc", "Cn", "Co", "Cs", "Zl", "Zp"}


class _Target(Struct):
    c: str


def check_username(username: str) -> None:
    """Check a new username by UsernameCaseMapped of PRECIS (RFC 8265, 3.3).

    Its parts, between single spaces, are of the identifier class. As a stricter rule no character
    is invisible, one is a letter or a digit, and all letters are of one script.

    :raises UsernameNotAllowed: the detail names the reason.
    """
    for part in username.split(" "):
        _check_part(part)
    if not any(each.isalnum() for each in username):
        raise UsernameNotAllowed("Choose a name with a letter or a digit.")
    scripts = _scripts(username)
    if len(scripts) > 1 and not any(scripts <= mixed for mixed in _MIXED_SCRIPTS):
        raise UsernameNotAllowed("Choose a name in letters of one script, such as Latin.")


def skeleton(username: str) -> str:
    """Return the form that names share if they look alike, in any case (UTS 39, 4).

    The order differs from UTS 39 in one point: `paypaI` is compared as it is shown, before the case
    is folded.
    """
    shown = _mapped(normalize("NFKC", username))
    return _mapped(normalize("NFKC", shown.casefold()))


def _check_part(part: str) -> None:
    try:
        enforced = _profile().enforce(part)
    except UnicodeEncodeError as error:
        wrong = error.object[error.start : error.end]
        raise UsernameNotAllowed(
            f"A username cannot have {_shown(wrong)}. Choose letters and digits."
        ) from None
    invisible = next((each for each in enforced if category(each) in _INVISIBLE), None)
    if invisible:
        raise UsernameNotAllowed(f"A username cannot have {_shown(invisible)}.")


def _shown(text: str) -> str:
    """Return the code points of a text, since it may be invisible."""
    return " ".join(f"U+{ord(each):04X}" for each in text[:3]) or "an empty part"


def _scripts(text: str) -> set[str]:
    from confusable_homoglyphs import categories  # noqa: PLC0415 - see above

    found: set[str] = {categories.alias(each) for each in text}  # type: ignore[no-untyped-call] # it has no types
    return found - _NEUTRAL


@cache
def _profile() -> Any:
    import precis_i18n  # noqa: PLC0415 - see above

    return precis_i18n.get_profile("UsernameCaseMapped")


def _mapped(text: str) -> str:
    """Replace each character by its prototype."""
    prototypes = _prototypes()
    return normalize("NFD", "".join(prototypes.get(each, each) for each in normalize("NFD", text)))


@cache
def _prototypes() -> dict[str, str]:
    """Return the prototype of each character that has one, from Unicode's confusables.txt.

    The package links each character with its prototype, in both directions. A prototype is the
    longest text of its group, else a letter of ASCII, else the first in the order of code points.
    """
    data = files("confusable_homoglyphs").joinpath("confusables.json").read_bytes()
    read = msgspec.json.decode(data, type=dict[str, list[_Target]])
    links = {
        key.strip(_MARK): [each.c.strip(_MARK) for each in value] for key, value in read.items()
    }
    found: dict[str, str] = {}
    for group in _groups(links):
        first = min(group, key=_rank)
        found |= {each: first for each in group if len(each) == 1 and each != first}
    return found


def _rank(text: str) -> tuple[int, bool, bool, str]:
    return -len(text), not (text.isascii() and text.isalpha()), not text.islower(), text


def _groups(links: dict[str, list[str]]) -> Iterator[set[str]]:
    """Yield the sets of linked texts."""
    seen: set[str] = set()
    for start in links:
        if start in seen:
            continue
        group, waiting = {start}, [start]
        while waiting:
            new = set(links.get(waiting.pop(), ())) - group
            group |= new
            waiting += new
        seen |= group
        yield group
