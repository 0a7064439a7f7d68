"""Comparison of an audit log with the numbers in the store, line by line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from accounts_bank.audit.chain import FIRST_EVENT, Head, Link
from accounts_bank.audit.files import verify_files
from accounts_bank.audit.records import record_of
from accounts_bank.identity import Event
from accounts_bank.ledger.entries import Needs, Recorded
from accounts_bank.ledger.integrity.checksums import Checksum
from accounts_bank.ledger.integrity.proof import BooksWrong
from accounts_bank.ledger.sealing import JournalHead, Numbered, link
from accounts_bank.stores.base import AccountStore, Journal, UserStore

BATCH_MAX = 1_000
"""The most items loaded from the store for one comparison."""

_MOVE_AWAY = (
    "Restore the log, its .head and its .key from the backup; or move the three away together, and "
    "a new log is written from the store."
)
_OLDER = "is not in the store, which is older than the log"
_RESTORE = (
    "Restore a newer backup of the store, or the file that it lost. To give these entries up, move "
    "the log, its .head and its .key away together, and a new log is written from the store."
)
_LINK_KEYS = {"number", "previous_hash", "hash", "seal"}


class Contents(Struct, frozen=True):
    """The stores that have the contents of numbered items."""

    users: UserStore
    accounts: AccountStore
    journal: Journal

    def of(self, rows: list[Numbered]) -> dict[str, Recorded | Event]:
        """Read the contents of rows by id, past all caches."""
        ids = [row.id for row in rows]
        entries = self.accounts.load(Needs(entries=frozenset(ids))).entries
        return {**entries, **self.users.events([each for each in ids if each not in entries])}


def reader_of(head: Head) -> str:
    """Return the name under which the store keeps the cursor of a log."""
    return f"audit_log:{head.log_id}"


def lines_known(journal: Journal, head: Head | None) -> int:
    """Return the number of lines that the store knows of a log.

    Read it while the log is locked, with its head: a writer moves both on.

    :raises Unavailable: the store does not answer.
    """
    return journal.cursor(reader_of(head)) if head and head.log_id else 0


def fault_of_head(journal: Journal, head: Head, known: int) -> str | None:
    """Compare the head of a log with the store; return the fault, or None.

    :param known: the result of `lines_known` at the moment of the head.
    :raises Unavailable: the store does not answer.
    """
    if head.number < known:
        return f"it ends at line {head.number}, and had {known} lines: it was cut or rolled back"
    return _fault_of(journal, [Link(head.number, "", head.hash)] if head.number else [])


def sentence_of(path: Path, fault: str) -> str:
    """Return the sentence that refuses a start: what is wrong, and how it is mended."""
    if fault.endswith(_OLDER):
        return f"The store has lost entries that the audit log {path} has: {fault}. {_RESTORE}"
    return f"The audit log {path} is not whole: {fault}. {_MOVE_AWAY}"


def fault_of_end(journal: Journal, head: Head, lines: list[bytes]) -> str | None:
    """Compare the last lines of a log with its head and with the store; return the first fault.

    :raises Unavailable: the store does not answer.
    """
    links = [each for each in map(_link, lines) if each and each.number]
    last = links[-1].number if links else 0
    if last != head.number:
        return f"its last line is {last}, and its head says {head.number}"
    return _fault_of(journal, links)


def _fault_of(journal: Journal, links: list[Link]) -> str | None:
    first = links[0].number if links else 1
    hashes = {row.number: row.hash for row in journal.numbered(first, len(links))}
    for each in links:
        if each.number not in hashes:
            return f"line {each.number} {_OLDER}"
        if hashes[each.number] != each.hash:
            return f"line {each.number} and the store differ"
    return None


def _link(line: bytes) -> Link | None:
    try:
        return msgspec.json.decode(line, type=Link)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


class LineComparison:
    """Compares the hash of each line of a log with the store, in batches."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._links: list[Link] = []
        self._fault: str | None = None
        self._head: Head | None = None
        self._known = 0

    def begin(self, head: Head | None) -> None:
        """Take the head of the log, which is locked at this moment.

        :raises Unavailable: the store does not answer.
        """
        self._head, self._known = head, lines_known(self._journal, head)

    def add(self, line: bytes) -> None:
        """Add a valid line of the log.

        :raises Unavailable: the store does not answer.
        """
        link = _link(line)
        if link and link.number and self._fault is None:
            self._links.append(link)
        if len(self._links) >= BATCH_MAX:
            self._compare()

    def finish(self) -> str | None:
        """Compare the rest and the head; return the first fault, or None.

        :raises Unavailable: the store does not answer.
        """
        self._compare()
        if self._fault or self._head is None:
            return self._fault
        return fault_of_head(self._journal, self._head, self._known)

    def _compare(self) -> None:
        self._fault = self._fault or _fault_of(self._journal, self._links)
        self._links = []


def verify_log(
    paths: list[Path], key_path: Path | None, journal: Journal | None
) -> tuple[int, str | None]:
    """Verify a log by its key, and each line by the store; return the line count and a fault.

    :param paths: the rotated parts and the log, the oldest first.
    :param journal: None where no store can be asked.
    :raises OSError: a file cannot be read.
    :raises Unavailable: the store does not answer.
    """
    if journal is None:
        return verify_files(paths, key_path)
    comparison = LineComparison(journal)
    count, fault = verify_files(paths, key_path, on_lock=comparison.begin, on_line=comparison.add)
    return count, fault or comparison.finish()


class JournalComparison:
    """Proves the numbers, and compares lines of the audit log with them, in batches."""

    def __init__(self, contents: Contents, on_rows: Callable[[int], None]) -> None:
        """Begin before the first number.

        :param on_rows: called with the number of rows after each batch.
        """
        self._contents, self._on_rows = contents, on_rows
        self._inherited = contents.journal.head().inherited
        self._batch: dict[int, dict[str, Any]] = {}
        self._entries = Checksum()
        self._number, self._hash = 0, ""

    def add(self, line: bytes) -> None:
        """Add a valid line of the log; compare once a batch is full.

        :raises BooksWrong: the line and the store differ.
        """
        record = msgspec.json.decode(line, type=dict[str, Any])
        if record["event"] == FIRST_EVENT and not record["number"]:
            if record["bank_id"] != self._contents.journal.bank_id:
                raise BooksWrong(f"the audit log is that of another bank, {record['bank_id']}")
            return
        self._batch[record["number"]] = record
        if len(self._batch) >= BATCH_MAX:
            self._walk(record["number"])

    def finish(self, head: JournalHead, entries: Checksum) -> None:
        """Compare the rest, then check that each entry of the journal has one number.

        :param head: the end of the numbers as of the moment of the proof.
        :param entries: the checksum of the entries that have a number by then.
        :raises BooksWrong: an entry has no number, or two; or the head is not that of the numbers.
        """
        self._walk(max(self._batch, default=0))
        self._walk(head.number)
        if (self._number, self._hash) != (head.number, head.hash):
            raise BooksWrong(f"the journal ends at {head.number}, and its head differs")
        if self._entries != entries:
            missing = entries.count - self._entries.count
            raise BooksWrong(
                f"the journal lacks the numbers of entries: {missing} are missing"
                if missing > 0
                else "the journal has numbers for entries that are not in it"
            )

    def _walk(self, last: int) -> None:
        """Prove the numbers up to one, and compare the lines among them."""
        while self._number < last:
            limit = min(BATCH_MAX, last - self._number)
            rows = self._contents.journal.numbered(self._number + 1, limit)
            if not rows:
                lines = sorted(each for each in self._batch if each > self._number)
                what = f"line {lines[0]} of the audit log" if lines else f"number {last}"
                raise BooksWrong(f"{what} is not in the journal")
            found = self._contents.of(rows)
            for row in rows:
                self._prove(row, found.get(row.id))
            self._on_rows(len(rows))

    def _prove(self, row: Numbered, item: Recorded | Event | None) -> None:
        name, number = f"{row.kind} {row.id}", self._number + 1
        if row.number != number:
            raise BooksWrong(f"number {row.number} stands where {number} belongs")
        if item is None:
            raise BooksWrong(f"number {number} is {name}, which is not in the journal")
        if number > self._inherited and row.hash != link(self._hash, number, row.id, item.digest):
            raise BooksWrong(f"number {number}, {name}, was changed: its hash differs")
        record = self._batch.pop(number, None)
        if record is not None:
            self._compare(row, record, item)
        if isinstance(item, Recorded):
            self._entries.add(row.id)
        self._number, self._hash = number, row.hash

    def _compare(self, row: Numbered, record: dict[str, Any], item: Recorded | Event) -> None:
        expected = msgspec.json.decode(msgspec.json.encode(record_of(item)))
        told = {key: value for key, value in record.items() if key not in _LINK_KEYS}
        if record["hash"] != row.hash or told != expected:
            raise BooksWrong(
                f"line {row.number} of the audit log and the journal differ about "
                f"{row.kind} {row.id}"
            )
