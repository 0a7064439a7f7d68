"""The verifier: proves the books, the audit log, and that both agree."""

from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec
from msgspec import Struct

from accounts_bank.audit.records import record_of
from accounts_bank.audit.sealer import Sealer
from accounts_bank.errors import Unavailable
from accounts_bank.ledger.entries import Ledger, Needs
from accounts_bank.ledger.integrity.checksums import Checksum
from accounts_bank.ledger.integrity.proof import BooksWrong, Counts, prove
from accounts_bank.stores.base import AccountStore

BATCH_MAX = 1_000
"""The most entries loaded from the store for one comparison."""
_LINK_KEYS = {"number", "previous_hash", "hash"}


class Report(Struct, frozen=True):
    """The result of a verification.

    `fault` names the first fault, None where `ok`. The numbers count all that was read.
    `sums_minor` has the sum of all balances by currency, zero in valid books.
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
    """Verifies a bank as of one moment, while it serves requests."""

    def __init__(self, store: AccountStore, sealer: Sealer, key_path: Path | None) -> None:
        self._store = store
        self._sealer = sealer
        self._key_path = key_path
        self._lock = Lock()

    def verify(self) -> Report:
        """Seal the outboxes, then verify the journal and the audit log.

        :raises Unavailable: a store cannot be reached, or another verification runs.
        """
        if not self._lock.acquire(blocking=False):
            raise Unavailable(
                "A verification of the books runs already: send the request again later."
            )
        try:
            self._sealer.seal()
            return self._report()
        finally:
            self._lock.release()

    def _report(self) -> Report:
        counts, audit_lines, fault = Counts(), 0, None
        try:
            counts, audit_lines = self._prove()
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

    def _prove(self) -> tuple[Counts, int]:
        comparison = _Comparison(self._store)
        with ExitStack() as opened:
            ledgers: list[Ledger] = []
            count, fault = self._sealer.log.verify(
                self._key_path,
                on_lock=lambda: ledgers.append(opened.enter_context(self._store.ledger())),
                on_line=comparison.add,
            )
            counts = prove(ledgers[0])
        if fault:
            raise BooksWrong(f"the audit log: {fault}")
        comparison.finish(counts.journal)
        return counts, count


class _Comparison:
    """Compares lines of the audit log with the journal, in batches."""

    def __init__(self, store: AccountStore) -> None:
        self._store = store
        self._batch: list[dict[str, Any]] = []
        self._sealed = Checksum()
        self._first = 0

    def add(self, line: bytes) -> None:
        """Add a valid line; compare once a batch is full."""
        record = msgspec.json.decode(line, type=dict[str, Any])
        self._first = self._first or record["number"]
        if "digest" in record:  # an entry; only the log keeps the events of users
            self._sealed.add(record["id"])
            self._batch.append(record)
        if len(self._batch) >= BATCH_MAX:
            self._compare()

    def finish(self, journal: Checksum) -> None:
        """Compare the rest, then check that the log has each entry of the journal once.

        :raises BooksWrong: an entry is missing, stands twice, or differs.
        """
        self._compare()
        if self._first <= 1 and self._sealed != journal:
            missing = journal.count - self._sealed.count
            raise BooksWrong(
                f"the audit log lacks entries of the journal: {missing} are missing"
                if missing > 0
                else "the audit log holds an entry twice"
            )

    def _compare(self) -> None:
        ids = frozenset(record["id"] for record in self._batch)
        entries = self._store.load(Needs(entries=ids)).entries
        for record in self._batch:
            name = f"line {record['number']} of the audit log"
            if record["id"] not in entries:
                raise BooksWrong(f"{name} has entry {record['id']}, which is not in the journal")
            expected = msgspec.json.decode(msgspec.json.encode(record_of(entries[record["id"]])))
            if expected != {key: value for key, value in record.items() if key not in _LINK_KEYS}:
                raise BooksWrong(f"{name} and the journal differ about entry {record['id']}")
        self._batch = []
