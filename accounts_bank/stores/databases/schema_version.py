"""Checks of a database's schema version against the version of this code."""

from collections.abc import Sequence

from accounts_bank.errors import SettingsError
from accounts_bank.identity import Event
from accounts_bank.ledger.sealing import JournalHead, Numbered

BEING_COPIED = 0
"""The version of a database that holds an unfinished copy."""


def check_upgradable(kept: int, known: int) -> None:
    """Check that a database can be brought up to date.

    :raises SettingsError: it is newer, or holds an unfinished copy.
    """
    if kept == BEING_COPIED or kept > known:
        check_version(kept, known)


def check_empty(is_used: bool) -> None:  # noqa: FBT001 - it is what is checked
    """Check that a database is empty, so that no data of others is touched.

    :raises SettingsError: it holds data.
    """
    if is_used:
        raise SettingsError("The database holds something already: name an empty one.")


def check_version(kept: int, known: int) -> None:
    """Compare the version of the schema that a database has with the one that the code knows.

    :raises SettingsError: it is older or newer; the sentence says what to do.
    """
    if kept == known:
        return
    if kept == BEING_COPIED:
        raise SettingsError("A copy into the database was broken off: run `accounts copy` again.")
    what = (
        "older: stop the bank and run `accounts upgrade`."
        if kept < known
        else "newer: install the version of Accounts that made it."
    )
    raise SettingsError(
        f"The database has schema {kept}, this version of Accounts has {known}. It is {what}"
    )


def check_inherited(
    head: JournalHead, lines: Sequence[tuple[Numbered, str, Event | None]], digests: dict[str, str]
) -> None:
    """Compare lines of an audit log with the entries of the store.

    :param head: the line before.
    :param digests: the digests of the entries that exist, by id.
    :raises SettingsError: a number is left out, or an entry is not as the log says.
    """
    for number, (row, digest, event) in enumerate(lines, head.number + 1):
        if row.number != number:
            raise SettingsError(
                f"The audit log lacks line {number}. Put all rotated parts of the log beside it."
            )
        if event is None and digests.get(row.id) != digest:
            what = "differs in" if row.id in digests else "is not in"
            raise SettingsError(
                f"The audit log and the store disagree: entry {row.id} of line {number} {what} "
                "the store. Restore the log and the store of one moment."
            )
