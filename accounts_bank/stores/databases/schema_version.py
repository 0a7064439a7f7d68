"""What is said of a database whose schema is not the one that this version works with."""

from accounts_bank.errors import SettingsError

BEING_COPIED = 0
"""The version of a database of which only a part is there."""


def check_upgradable(kept: int, known: int) -> None:
    """Check that a database can be brought up to date.

    :raises SettingsError: it is newer, or only a part of it is there.
    """
    if kept == BEING_COPIED or kept > known:
        check_version(kept, known)


def check_empty(is_used: bool) -> None:  # noqa: FBT001 - it is what is checked
    """Refuse to touch what somebody else put there.

    :raises SettingsError: there is something.
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
