"""The self-check: the books against themselves, and the audit log against the books."""

from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec
from msgspec import Struct

from accounts_bank.audit.log import parts_of, verify_files
from accounts_bank.audit.records import record_of
from accounts_bank.audit.sealer import Sealer
from accounts_bank.errors import Unavailable
from accounts_bank.ledger.entries import Ledger, Needs
from accounts_bank.ledger.integrity.checksums import Checksum
from accounts_bank.ledger.integrity.proof import BooksWrong, Counts, prove
from accounts_bank.stores.base import AccountStore

COMPARED_AT_ONCE = 1_000
_OF_THE_CHAIN = {"number", "previous_hash", "hash"}


class Report(Struct, frozen=True):
    """What was found: the first thing that is wrong, by name, or None; and how much there is.

    `sums_minor` has the sum of all balances by currency, zero in books that are right.
    """

    ok: bool
    fault: str | None
    accounts: int
    customers: int
    lines: int
    entries: int
    audit_lines: int
    sums_minor: dict[str, int]


class Verifier:
    """Proves a bank as of one moment, while it goes on."""

    def __init__(self, store: AccountStore, sealer: Sealer, key_path: Path | None) -> None:
        self._store = store
        self._sealer = sealer
        self._key_path = key_path
        self._lock = Lock()

    def verify(self) -> Report:
        """Prove everything.

        :raises Unavailable: a store cannot be reached, or somebody else is at it already.
        """
        if not self._lock.acquire(blocking=False):
            raise Unavailable("The books are being proven already.")
        try:
            self._sealer.seal()
            return self._report()
        finally:
            self._lock.release()

    def _report(self) -> Report:
        counts, audit_lines, fault = Counts(), 0, None
        try:
            counts, audit_lines = self._proven()
        except BooksWrong as wrong:
            fault = str(wrong)
        except OSError as error:
            fault = f"the audit log cannot be read: {error}"
        except (msgspec.MsgspecError, ValueError) as error:
            fault = f"a value in the store cannot be read: {error}"
        return Report(
            fault is None,
            fault,
            counts.accounts,
            counts.customers,
            counts.lines,
            counts.entries,
            audit_lines,
            counts.sums_minor,
        )

    def _proven(self) -> tuple[Counts, int]:
        compared = _Compared(self._store)
        with ExitStack() as opened:
            ledgers: list[Ledger] = []
            count, fault = verify_files(
                parts_of(self._sealer.log.path),
                self._key_path,
                at_rest=lambda: ledgers.append(opened.enter_context(self._store.ledger())),
                seen=compared.see,
                from_start=False,
            )
            counts = prove(ledgers[0])
        if fault:
            raise BooksWrong(f"the audit log: {fault}")
        compared.end(counts.journal)
        return counts, count


class _Compared:
    """Compares lines of the audit log with the journal, many at a time."""

    def __init__(self, store: AccountStore) -> None:
        self._store = store
        self._waiting: list[dict[str, Any]] = []
        self._sealed = Checksum()
        self._first = 0

    def see(self, line: bytes) -> None:
        """Take a line up."""
        told = msgspec.json.decode(line, type=dict[str, Any])
        self._first = self._first or told["number"]
        if "digest" in told:  # an entry; what happened to users is kept in the log alone
            self._sealed.add(told["id"])
            self._waiting.append(told)
        if len(self._waiting) >= COMPARED_AT_ONCE:
            self._compare()

    def end(self, journal: Checksum) -> None:
        """Compare the rest, and whether every entry of the journal was among them."""
        self._compare()
        if self._first <= 1 and self._sealed != journal:
            missing = journal.count - self._sealed.count
            raise BooksWrong(
                f"the audit log does not tell of each entry once: {missing} are missing"
                if missing > 0
                else "the audit log tells of an entry twice"
            )

    def _compare(self) -> None:
        ids = frozenset(told["id"] for told in self._waiting)
        kept = self._store.load(Needs(entries=ids)).entries
        for told in self._waiting:
            name = f"line {told['number']} of the audit log"
            if told["id"] not in kept:
                raise BooksWrong(f"{name} tells of entry {told['id']}, which is not in the journal")
            record = msgspec.json.decode(msgspec.json.encode(record_of(kept[told["id"]])))
            if record != {key: value for key, value in told.items() if key not in _OF_THE_CHAIN}:
                raise BooksWrong(f"{name} and the journal differ about entry {told['id']}")
        self._waiting = []
