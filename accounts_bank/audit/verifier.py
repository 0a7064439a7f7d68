"""The verifier: proves the books, the audit log, and that both agree."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Lock

import msgspec
from msgspec import Struct

from accounts_bank.audit.chain import Head
from accounts_bank.audit.comparison import Contents, JournalComparison, fault_of_head, lines_known
from accounts_bank.audit.files import parts_of, verify_files
from accounts_bank.audit.sealer import Sealer
from accounts_bank.errors import Unavailable
from accounts_bank.ledger.entries import Ledger
from accounts_bank.ledger.integrity.proof import BooksWrong, Counts, prove
from accounts_bank.progress import Passes, Tell, quiet
from accounts_bank.stores.migration import PROOF, watched


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
    """Verifies a bank as of one moment, while it serves requests.

    A process that writes no audit log proves the books and the numbers of the journal.
    """

    def __init__(self, contents: Contents, sealer: Sealer, key_path: Path | None) -> None:
        self._contents = contents
        self._sealer = sealer
        self._key_path = key_path
        self._lock = Lock()

    def verify(self, tell: Tell = quiet) -> Report:
        """Seal the outboxes, then verify the journal and the audit log.

        :param tell: gets the progress.
        :raises Unavailable: a store cannot be reached, or another verification runs.
        """
        if not self._lock.acquire(blocking=False):
            raise Unavailable(
                "A verification of the books runs already: send the request again later."
            )
        try:
            self._sealer.seal()
            return self._report(tell)
        finally:
            self._lock.release()

    def _report(self, tell: Tell) -> Report:
        counts, audit_lines, fault = Counts(), 0, None
        try:
            counts, audit_lines = self._prove(tell)
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

    def _prove(self, tell: Tell) -> tuple[Counts, int]:
        total = self._contents.journal.head().number
        passes = Passes(total, ("numbers", *PROOF), tell)
        comparison = JournalComparison(self._contents, partial(passes.seen, "numbers"))
        log = self._sealer.log
        with ExitStack() as opened:
            moment = _Moment(opened, self._contents)
            if log:
                count = self._verify_log(log.path, moment, comparison)
            else:
                count = 0
                moment.begin(None)
            counts = prove(watched(moment.ledger, passes))
            comparison.finish(moment.ledger.head, counts.journal)
        return counts, count

    def _verify_log(self, path: Path, moment: "_Moment", comparison: JournalComparison) -> int:
        """Verify the log by its key, and its end by its cursor in the store; count its lines.

        :raises BooksWrong: the log is not whole.
        """
        count, fault = verify_files(
            parts_of(path),
            self._key_path,
            on_lock=moment.begin,
            on_line=comparison.add,
            from_start=False,
        )
        if fault is None and moment.head is not None:
            fault = fault_of_head(self._contents.journal, moment.head, moment.known)
        if fault:
            raise BooksWrong(f"the audit log: {fault}")
        return count


class _Moment:
    """The moment of a verification: the ledger and the head of the log as they are then."""

    ledger: Ledger

    def __init__(self, opened: ExitStack, contents: Contents) -> None:
        self._opened, self._contents = opened, contents
        self.head: Head | None = None
        self.known = 0

    def begin(self, head: Head | None) -> None:
        """Take the head of the log, which is locked at this moment, and open the ledger."""
        self.head, self.known = head, lines_known(self._contents.journal, head)
        self.ledger = self._opened.enter_context(self._contents.accounts.ledger())
