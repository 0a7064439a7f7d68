"""Errors by which SQLite and PostgreSQL say that their files are corrupt."""

import sqlite3

from sqlalchemy.exc import DBAPIError

_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_TORN = {
    sqlite3.SQLITE_IOERR_SHORT_READ,  # the file ends before a page that it must have
    sqlite3.SQLITE_IOERR_CORRUPTFS,
    sqlite3.SQLITE_IOERR_DATA,
}
"""Extended codes of SQLITE_IOERR; the other ones may pass. Source: https://sqlite.org/rescode.html."""
_STATES = {"XX001", "XX002"}
"""data_corrupted, index_corrupted. Source: the manual of PostgreSQL, appendix A."""


def fault_of(error: Exception) -> str | None:
    """Return the fault that an error of the driver reports, None where it reports none."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    code = getattr(cause, "sqlite_errorcode", 0)
    is_corrupt = code & 0xFF in _CORRUPT or code in _TORN
    if is_corrupt or getattr(cause, "sqlstate", None) in _STATES:
        return str(cause).splitlines()[0]
    return None
