"""Opening the audit log of a bank: it continues its own log, and touches no log of another bank."""

import logging
from contextlib import ExitStack
from datetime import datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

import msgspec
from msgspec import Struct

from accounts_bank.audit.chain import FirstLine, Head
from accounts_bank.audit.comparison import fault_of_end, fault_of_head, lines_known, sentence_of
from accounts_bank.audit.files import decode_head, end_of, head_path_of, key_path_of, parts_of
from accounts_bank.audit.log import AuditLog
from accounts_bank.durable_files import locked_folder, make_folder
from accounts_bank.errors import SettingsError
from accounts_bank.stores.base import Journal

logger = logging.getLogger(__name__)


class LogSettings(Struct, frozen=True):
    """How a bank keeps its log.

    :param key_path: the key; None for the file beside the log.
    :param is_durable: whether the bank lives on after its process; each batch is then synced.
    """

    path: Path
    key_path: Path | None
    is_durable: bool


class _Found(Struct, frozen=True):
    """The head at the path of a log, and the names of its bank and log."""

    head: Head | None
    bank_id: str = ""
    in_memory: bool = False


def open_log(settings: LogSettings, journal: Journal, at: datetime, new_id: str) -> AuditLog:
    """Open the log of a bank.

    A bank in memory begins a log of its own. It sets the log of an earlier one aside; where another
    bank uses the file, it takes another name.

    :param at: the time of the first line; `new_id` is the id of a log that begins here.
    :raises SettingsError: the log belongs to another bank, or was cut or rolled back.
    """
    first = FirstLine(at, journal.bank_id, new_id, in_memory=not settings.is_durable)
    log = _opened(settings, first)
    if log.check().bank_id not in {"", first.bank_id}:  # another bank began it at this moment
        log.close()
        log = _opened(settings, first)
    with ExitStack() as failed:
        failed.callback(log.close)
        _check_end(log, journal, first)
        failed.pop_all()
    return log


def _opened(settings: LogSettings, first: FirstLine) -> AuditLog:
    make_folder(settings.path.absolute().parent)
    with locked_folder(settings.path):
        path = _own_path(settings, first.bank_id)
    return AuditLog(path, first, settings.key_path, sync=settings.is_durable)


def _check_end(log: AuditLog, journal: Journal, first: FirstLine) -> None:
    """Compare the end of a log with the store; a log of version 0.1 gets its names.

    :raises SettingsError: they disagree.
    """
    with log.checked() as head:  # a writer beside this process moves head, lines and cursor on
        fault = fault_of_head(journal, head, lines_known(journal, head))
        fault = fault or fault_of_end(journal, head, _last_lines(log.path))
    if fault:
        raise SettingsError(sentence_of(log.path, fault))
    if not head.bank_id:
        log.adopt(first)


def _last_lines(path: Path) -> list[bytes]:
    """Return the last lines of a log; those of its newest rotated part where it is empty."""
    return next(filter(None, map(end_of, reversed(parts_of(path)))), [])


def _own_path(settings: LogSettings, bank_id: str) -> Path:
    """Return the path of the bank's log.

    :raises SettingsError: another bank's log is there, and has to stay.
    """
    path, found = settings.path.absolute(), _look(settings.path)
    if found.bank_id in {"", bank_id} and (settings.is_durable or _is_free(path)):
        return path
    if found.in_memory and _set_aside(path, settings.key_path, found.bank_id):
        return path
    if settings.is_durable:
        raise SettingsError(
            f"{path} is the audit log of another bank ({found.bank_id}): set AUDIT_LOG to another "
            "file, or move it, its .head and its .key away."
        )
    other = path.with_name(f"{path.name}.{bank_id}")
    logger.warning(
        "audit_log_elsewhere",
        extra={"context": {"detail": f"{path} is another bank's. This bank writes {other}."}},
    )
    return other


def _is_free(path: Path) -> bool:
    """Tell whether nothing lies where a bank in memory begins its log."""
    files = (path, head_path_of(path), key_path_of(path))
    return not any(_content(each).strip(b"\0") for each in files)


def _look(path: Path) -> _Found:
    """Tell whose log lies at a path, by its head, or else by its first line."""
    head = decode_head(_content(head_path_of(path)))
    if head is not None and head.bank_id:
        return _Found(head, head.bank_id, head.in_memory)
    first = _content(path).partition(b"\n")[0]
    try:
        names = msgspec.json.decode(first, type=FirstLine)
    except msgspec.MsgspecError:
        return _Found(head)
    return _Found(head, names.bank_id, names.in_memory)


def _content(path: Path) -> bytes:
    """Return the first bytes of a file, none where it is missing or cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError:
        return b""


def _set_aside(path: Path, key_path: Path | None, bank_id: str) -> bool:
    """Rename the log of a bank that ended with its process; return False where it still runs."""
    files = [*parts_of(path), head_path_of(path)]
    if key_path is None:
        files.append(key_path_of(path))
    if _is_used(path):
        return False
    for each in files:
        if each.exists():
            suffix = each.name.removeprefix(path.name)
            each.rename(path.with_name(f"{path.name}.{bank_id}{suffix}"))
    detail = f"The log of an earlier bank in memory is now {path}.{bank_id}."
    logger.warning("audit_log_set_aside", extra={"context": {"detail": detail}})
    return True


def _is_used(path: Path) -> bool:
    """Tell whether a process writes a log: it holds a shared lock on the file."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            return True
    return False
