"""Checksums: compare two sets of ids without keeping either of them.

A checksum adds ids as numbers, each id times its weight. One set is added and the other subtracted.
Equal sets leave zero. A single difference leaves its weight and its weight times its id, which
names the id. A checksum detects accidents; it does not resist a deliberate forgery.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Self

from msgspec import Struct

from accounts_bank.ledger.actions import (
    AskApproval,
    CancelSchedule,
    Capture,
    Expire,
    GrantApproval,
    Hold,
    RefuseApproval,
    Reversal,
    Schedule,
    Transfer,
    Void,
)
from accounts_bank.ledger.entries import Recorded
from accounts_bank.ledger.values import Account, Progress, Stage, Status

NOT_A_RUN = frozenset({Status.SCHEDULE_ENDED, Status.ENTRY_UNKNOWN})
"""The refusals of a scheduled transfer that does not count as a run of its schedule."""


class Checksum(Struct):
    """The sum of ids as numbers, and the sum of their weights."""

    count: int = 0
    total: int = 0

    def add(self, entry_id: str, weight: int = 1) -> None:
        """Add an id; a negative weight subtracts it."""
        self.count += weight
        self.total += weight * int.from_bytes(entry_id.encode(), "big")

    def without(self, ids: Iterable[str]) -> Self:
        """Return this checksum less the one of other ids."""
        others = Checksum()
        for entry_id in ids:
            others.add(entry_id)
        return type(self)(self.count - others.count, self.total - others.total)

    def difference(self) -> str | None:
        """Return the id that is left, or "more than one"; None if the sum is zero."""
        if not self.count and not self.total:
            return None
        id_number, rest = divmod(self.total, self.count) if self.count else (0, 1)
        if rest or id_number <= 0:
            return "more than one"
        return id_number.to_bytes((id_number.bit_length() + 7) // 8, "big").decode(errors="replace")


class ProgressReconciler:
    """Compares the progress of holds, schedules, approvals and transfers with the journal.

    The journal adds to the checksums, and the kept progress subtracts from them.
    """

    def __init__(self) -> None:
        self._checksums: defaultdict[tuple[str, str], Checksum] = defaultdict(Checksum)

    def see_entry(self, recorded: Recorded) -> None:
        """Add the effect of an entry on its own progress or on that of an earlier entry."""
        action = recorded.entry.action
        if isinstance(action, Transfer):
            if action.schedule_id and recorded.status not in NOT_A_RUN:
                self._checksums["schedule", "its runs"].add(action.schedule_id)
        elif recorded.status is Status.RECORDED:
            self._see(recorded, action)

    def see_progress(self, progress: Progress) -> None:
        """Subtract the progress that the store keeps."""
        entry_id, kind = progress.entry_id, progress.kind
        if kind == "hold":
            self._checksums[kind, "its amount"].add(entry_id, -progress.amount_minor)
            self._checksums[kind, "captured amount"].add(entry_id, -progress.done_minor)
            self._checksums[kind, progress.stage].add(entry_id, -1)
            if progress.stage is Stage.OPEN:
                held = self._checksums["account", "held amount"]
                held.add(progress.account_id, -progress.amount_minor)
        elif kind == "schedule":
            self._checksums[kind, "its amount"].add(entry_id, -progress.amount_minor)
            self._checksums[kind, "its runs"].add(entry_id, -progress.done_count)
            self._checksums[kind, Stage.CANCELLED].add(
                entry_id, -(progress.stage is Stage.CANCELLED)
            )
        elif kind == "approval_asked":
            self._checksums[kind, progress.stage].add(entry_id, -1)
        else:
            self._checksums[kind, "reversed amount"].add(entry_id, -progress.done_minor)

    def see_account(self, account: Account) -> None:
        """Add the amount that is held on an account, of which open holds are subtracted."""
        if account.held_minor:
            self._checksums["account", "held amount"].add(account.id, account.held_minor)

    def fault(self) -> str | None:
        """Describe a difference; None if there is none.

        Accounts come last, because the id of a hold says more.
        """
        for (kind, aspect), checksum in sorted(self._checksums.items(), reverse=True):
            difference = checksum.difference()
            if difference:
                return f"{kind} {difference}: the journal differs ({aspect})"
        return None

    def _see(self, recorded: Recorded, action: object) -> None:
        match action:
            case Hold(amount_minor=amount_minor):
                self._checksums["hold", "its amount"].add(recorded.entry.id, amount_minor)
                self._checksums["hold", Stage.OPEN].add(recorded.entry.id)
            case Capture(hold_id=hold_id):
                captured_minor = recorded.lines[1].amount_minor
                self._checksums["hold", "captured amount"].add(hold_id, captured_minor)
                self._end(hold_id, Stage.CAPTURED)
            case Void(hold_id=hold_id):
                self._end(hold_id, Stage.VOIDED)
            case Expire(hold_id=hold_id):
                self._end(hold_id, Stage.EXPIRED)
            case Schedule(amount_minor=amount_minor):
                self._checksums["schedule", "its amount"].add(recorded.entry.id, amount_minor)
            case CancelSchedule(schedule_id=schedule_id):
                self._checksums["schedule", Stage.CANCELLED].add(schedule_id)
            case Reversal(transfer_id=transfer_id):
                reversed_minor = recorded.lines[1].amount_minor
                self._checksums["transfer", "reversed amount"].add(transfer_id, reversed_minor)
            case _:
                self._see_approval(recorded, action)

    def _see_approval(self, recorded: Recorded, action: object) -> None:
        match action:
            case AskApproval():
                self._checksums["approval_asked", Stage.OPEN].add(recorded.entry.id)
            case GrantApproval(approval_id=approval_id):
                self._end(approval_id, Stage.GRANTED, "approval_asked")
            case RefuseApproval(approval_id=approval_id):
                self._end(approval_id, Stage.REFUSED, "approval_asked")
            case _:
                pass

    def _end(self, entry_id: str, stage: Stage, kind: str = "hold") -> None:
        self._checksums[kind, Stage.OPEN].add(entry_id, -1)
        self._checksums[kind, stage].add(entry_id)
