"""Errors of PyMongo: which ones a retry or an operator can cure, and which are mistakes of ours.

    the server says that its files are corrupt    -> Damaged
    error of the network, the server or its state -> Unavailable
    transaction larger than the server's cache    -> BulkTooLarge
    duplicate key                                 -> again a few times (a race), then as it is
    any other error                               -> as it is, at once: a mistake of this program

An error that is raised as it is becomes a 500 with its trace. Unavailable becomes a 503, which
promises the caller that the same request may be sent again.
"""

import re
from typing import NoReturn

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    OperationFailure,
    ProtocolError,
    PyMongoError,
)

from accounts_bank.errors import ApiError, BulkTooLarge, Damaged, Unavailable

DUPLICATE_KEY = 11000
SNAPSHOT_TOO_OLD = 239
TOO_LARGE_FOR_CACHE = 388
DATA_CORRUPTION = 301
UNKNOWN_ERROR = 8
_OF_WIREDTIGER = re.compile("WT_ERROR|WT_PANIC|WT_TRY_SALVAGE")
"""Errors of the storage engine; the server has no codes for them."""

_NETWORK = {6, 7, 89, 202, 317, 384, 9001}
_STOPPED = {24, 50, 90, 91, 237, 262, 279, 281, 282, 290, 333, 355, 11600, 11601, 11602}
_NO_PRIMARY = {94, 133, 189, 209, 211, 216, 10058, 10107, 13435, 13436}
_MAJORITY = {64, 75, 79, 100, 134}
_SNAPSHOT = {SNAPSHOT_TOO_OLD, 246, 250, 272}
_CURSOR = {43, 96, 175, 314}
_TRANSACTION = {112, 117, 206, 217, 225, 251, 256, 267, 356}
_OVERLOADED = {46, 146, 261, 264, 365, 402, 407, 412, 433, 449}
_OPERATOR = {1, 8, 11, 13, 18, 371, 391, 8000, 14031}
"""Access and disk: an operator cures these."""

OUTAGES: frozenset[int | None] = frozenset(
    _NETWORK | _STOPPED | _NO_PRIMARY | _MAJORITY | _SNAPSHOT
    | _CURSOR | _TRANSACTION | _OVERLOADED | _OPERATOR | {None}
)  # fmt: skip
"""The server's codes of an outage, by the categories of its `error_codes.yml`."""


def is_duplicate(error: PyMongoError) -> bool:
    """Return whether a key exists already: another transaction may have just inserted it."""
    return DUPLICATE_KEY in _codes(error)


def damage_of(error: PyMongoError) -> Damaged | None:
    """Return the error to raise where the server says that its files are corrupt, else None."""
    codes, said = _codes(error), str(error).split(", full error:")[0]
    is_of_engine = UNKNOWN_ERROR in codes and _OF_WIREDTIGER.search(said)
    if DATA_CORRUPTION in codes or is_of_engine:
        return Damaged(f"The database is damaged: restore a backup. It says: {said}.")
    return None


def raise_ours(error: PyMongoError, *, is_unsure: bool = False) -> NoReturn:
    """Raise an outage as an error of the store contract, and a mistake as it is.

    :param is_unsure: an earlier try may have been committed, so no error is final.
    :raises Damaged: the database is corrupt.
    :raises Unavailable: the database does not answer.
    :raises BulkTooLarge: the transaction never fits the server's cache.
    :raises PyMongoError: `error` itself, which is a mistake of this program.
    """
    if damage := damage_of(error):
        raise damage from error
    if not is_unsure and _is_mistake(error):
        raise error
    raise _ours(error) from error


def _is_mistake(error: PyMongoError) -> bool:
    """Return whether no retry and no operator can cure an error."""
    if error.timeout or isinstance(error, ConnectionFailure | ProtocolError):
        return False
    if not isinstance(error, OperationFailure):
        return True
    if error.has_error_label("TransientTransactionError"):
        return False
    return not _codes(error) <= OUTAGES | {TOO_LARGE_FOR_CACHE}


def _codes(error: PyMongoError) -> set[int | None]:
    """Return the server's codes of an error."""
    if isinstance(error, BulkWriteError):
        return {each["code"] for each in (error.details or {}).get("writeErrors", [])}
    return {getattr(error, "code", None)}


def _ours(error: PyMongoError) -> ApiError:
    codes = _codes(error)
    if TOO_LARGE_FOR_CACHE in codes:
        return BulkTooLarge(
            "The cache of MongoDB is too small for this bulk. Send fewer parts, or enlarge the "
            "cache: --wiredTigerCacheSizeGB 0.5 is enough for 10,000."
        )
    if SNAPSHOT_TOO_OLD in codes:
        return Unavailable(
            "The read took longer than the server keeps a snapshot. Raise its parameter "
            "minSnapshotHistoryWindowInSeconds."
        )
    return Unavailable(f"The store does not answer: {type(error).__name__}.")
