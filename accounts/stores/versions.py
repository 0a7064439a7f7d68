"""What is said of a database whose schema is not the one that this version works with."""

from accounts.errors import SettingsError


def check_version(kept: int, known: int) -> None:
    """Compare the version of the schema that a database has with the one that the code knows.

    :raises SettingsError: it is older or newer; the sentence says what to do.
    """
    if kept == known:
        return
    what = (
        "older: stop the bank and run `accounts upgrade`."
        if kept < known
        else "newer: install the version of Accounts that made it."
    )
    raise SettingsError(
        f"The database has schema {kept}, this version of Accounts has {known}. It is {what}"
    )
