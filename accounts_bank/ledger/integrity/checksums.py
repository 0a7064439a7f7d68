"""Tallies: whether two sets of things are the same, without keeping either of them.

A tally sums ids as numbers, each as often as it weighs. What is put in on one side and taken out on
the other leaves nothing; a single thing that differs leaves its weight, and its weight times its
id, so that it can be named. It holds against accidents, not against somebody who does sums.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Self

from msgspec import Struct

from accounts_bank.ledger.actions import (
    CancelSchedule,
    Capture,
    Expire,
    Hold,
    Reversal,
    Schedule,
    Transfer,
    Void,
)
from accounts_bank.ledger.entries import Recorded
from accounts_bank.ledger.values import Account, Progress, Stage, Status

NO_RUNS = frozenset({Status.SCHEDULE_ENDED, Status.ENTRY_UNKNOWN})


class Checksum(Struct):
    """A sum of ids, and how many they are."""

    count: int = 0
    total: int = 0

    def add(self, entry_id: str, weight: int = 1) -> None:
        """Put an id in, or take it out where the weight is negative."""
        self.count += weight
        self.total += weight * int.from_bytes(entry_id.encode(), "big")

    def without(self, ids: Iterable[str]) -> Self:
        """Take ids out."""
        others = Checksum()
        for each in ids:
            others.add(each)
        return type(self)(self.count - others.count, self.total - others.total)

    def difference(self) -> str | None:
        """Name what is left, None where nothing is."""
        if not self.count and not self.total:
            return None
        number, rest = divmod(self.total, self.count) if self.count else (0, 1)
        if rest or number <= 0:
            return "more than one"
        return number.to_bytes((number.bit_length() + 7) // 8, "big").decode(errors="replace")


class ProgressReconciler:
    """What the journal says of holds, schedules and reversals, less what their progress says."""

    def __init__(self) -> None:
        self._tallies: defaultdict[tuple[str, str], Checksum] = defaultdict(Checksum)

    def see_entry(self, recorded: Recorded) -> None:
        """Put in what an entry of the journal makes of others, or of itself."""
        action = recorded.entry.action
        if isinstance(action, Transfer):
            if action.schedule_id and recorded.status not in NO_RUNS:
                self._tallies["schedule", "its runs"].add(action.schedule_id)
        elif recorded.status is Status.RECORDED:
            self._see(recorded, action)

    def see_progress(self, progress: Progress) -> None:
        """Take out what is kept of it."""
        entry_id, kind = progress.entry_id, progress.kind
        if kind == "hold":
            self._tallies[kind, "its amount"].add(entry_id, -progress.amount_minor)
            self._tallies[kind, "what was captured"].add(entry_id, -progress.done_minor)
            self._tallies[kind, progress.stage].add(entry_id, -1)
            if progress.stage is Stage.OPEN:
                held = self._tallies["account", "what is held"]
                held.add(progress.account_id, -progress.amount_minor)
        elif kind == "schedule":
            self._tallies[kind, "its amount"].add(entry_id, -progress.amount_minor)
            self._tallies[kind, "its runs"].add(entry_id, -progress.done_count)
            self._tallies[kind, Stage.CANCELLED].add(entry_id, -(progress.stage is Stage.CANCELLED))
        else:
            self._tallies[kind, "what was reversed"].add(entry_id, -progress.done_minor)

    def see_account(self, account: Account) -> None:
        """Put in what an account says is held on it."""
        if account.held_minor:
            self._tallies["account", "what is held"].add(account.id, account.held_minor)

    def fault(self) -> str | None:
        """Say what is left, of an account last: a hold names the fault better. None: nothing is."""
        for (kind, what), tally in sorted(self._tallies.items(), reverse=True):
            difference = tally.difference()
            if difference:
                return f"{kind} {difference}: the journal says otherwise of it ({what})"
        return None

    def _see(self, recorded: Recorded, action: object) -> None:
        match action:
            case Hold(amount_minor=amount_minor):
                self._tallies["hold", "its amount"].add(recorded.entry.id, amount_minor)
                self._tallies["hold", Stage.OPEN].add(recorded.entry.id)
            case Capture(hold_id=hold_id):
                captured_minor = recorded.lines[1].amount_minor
                self._tallies["hold", "what was captured"].add(hold_id, captured_minor)
                self._end(hold_id, Stage.CAPTURED)
            case Void(hold_id=hold_id):
                self._end(hold_id, Stage.VOIDED)
            case Expire(hold_id=hold_id):
                self._end(hold_id, Stage.EXPIRED)
            case Schedule(amount_minor=amount_minor):
                self._tallies["schedule", "its amount"].add(recorded.entry.id, amount_minor)
            case CancelSchedule(schedule_id=schedule_id):
                self._tallies["schedule", Stage.CANCELLED].add(schedule_id)
            case Reversal(transfer_id=transfer_id):
                reversed_minor = recorded.lines[1].amount_minor
                self._tallies["transfer", "what was reversed"].add(transfer_id, reversed_minor)
            case _:
                pass

    def _end(self, hold_id: str, stage: Stage) -> None:
        self._tallies["hold", Stage.OPEN].add(hold_id, -1)
        self._tallies["hold", stage].add(hold_id)
