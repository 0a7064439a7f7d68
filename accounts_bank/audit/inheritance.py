"""The lines of an audit log of version 0.1, from which a store gets its numbers once."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct, field

from accounts_bank.audit.chain import HEAD_TOO_OLD
from accounts_bank.audit.files import head_path_of, key_path_of, parts_of, verify_files
from accounts_bank.errors import SettingsError
from accounts_bank.identity import Event
from accounts_bank.ledger.sealing import Numbered
from accounts_bank.progress import Passes, Tell, quiet


class _Line(Struct, frozen=True):
    number: int
    at: datetime = field(name="@timestamp")
    event: str
    id: str
    hash: str
    digest: str = ""
    user_id: str | None = None
    actor_id: str | None = None


def inherited(
    path: Path, key_path: Path | None, tell: Tell = quiet
) -> Iterator[tuple[Numbered, str, Event | None]]:
    """Verify a log and its rotated parts, and read them, the oldest first.

    :param tell: gets the progress.
    :returns: for each line the number, the digest, and the event where the line has no entry;
        nothing where there is no log, no head and no key.
    :raises SettingsError: the log is not whole, or cannot be read.
    """
    files = (*parts_of(path), head_path_of(path), key_path_of(path))
    if not any(each.exists() for each in files):
        return
    try:
        count, fault = verify_files(parts_of(path), key_path)
    except OSError as error:
        raise SettingsError(f"{error.filename} cannot be read: {error.strerror}.") from error
    if fault and not fault.startswith(HEAD_TOO_OLD):  # the bank was killed
        raise SettingsError(f"The audit log {path} is not whole: {fault}. Restore it.")
    passes = Passes(count, ["lines"], tell)
    yield from passes.counted("lines", _lines(parts_of(path)))


def _lines(parts: list[Path]) -> Iterator[tuple[Numbered, str, Event | None]]:
    for part in parts:
        with part.open("rb") as file:
            yield from map(_inherited, file)


def _inherited(text: bytes) -> tuple[Numbered, str, Event | None]:
    try:
        line = msgspec.json.decode(text, type=_Line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SettingsError(f"The audit log has a line that cannot be read: {error}.") from error
    row = Numbered(line.number, line.id, line.event, line.hash)
    if line.digest:
        return row, line.digest, None
    event = Event(line.id, line.event, line.at, line.user_id, line.actor_id)
    return row, event.digest, event
