"""Schedules: transfers that the bank makes by itself, again and again."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from accounts_bank.collections.client import LedgerClient, PagePosition
from accounts_bank.collections.pending import PendingPayment, load, sides
from accounts_bank.collections.permissions import Permission, may
from accounts_bank.errors import Forbidden, InvalidRequest, NotFound, Refused
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import CancelSchedule, Schedule
from accounts_bank.ledger.entries import Recorded, Snapshot
from accounts_bank.ledger.values import Stage

LATE_MAX = timedelta(minutes=1)
"""How late a schedule may be asked for: the first run is not made up for what lies before."""


class ScheduleDetails(PendingPayment, frozen=True, kw_only=True):
    """A schedule and how far it has come; the run at `next_at` is the next one."""

    run_count: int = 0
    next_at: datetime | None = None

    @property
    def action(self) -> Schedule:
        """What was asked."""
        assert isinstance(self.recorded.entry.action, Schedule)  # noqa: S101 - tells the type checker
        return self.recorded.entry.action


class Schedules:
    """The schedules of the bank."""

    def __init__(self, client: LedgerClient) -> None:
        self._client = client

    def create(
        self, caller: Caller, ask: Schedule, key: str | None, *, dry_run: bool = False
    ) -> ScheduleDetails:
        """Begin a schedule of transfers from one of the caller's accounts to any other account.

        What is answered is the schedule as it began, to a retry as well.

        :raises NotFound: there is no such account to pay from that the caller may see.
        :raises Forbidden: it is somebody else's, and the caller may only see it.
        :raises InvalidRequest: the first run lies in the past.
        :raises Refused: a rule says no.
        """
        if ask.first_at < self._client.clock() - LATE_MAX and not self._is_retry(caller, key):
            raise InvalidRequest("It lies in the past.", pointer="/first_at")
        outcome = self._client.submit_payment(caller, ask, key, dry_run=dry_run)
        begun = _begun(outcome.recorded, load(self._client.store, [outcome.recorded]))
        return replace(begun, replayed=outcome.replayed)

    def read(self, caller: Caller, schedule_id: str) -> ScheduleDetails:
        """Read a schedule that the caller pays, or may look at.

        :raises NotFound: there is none.
        """
        (found,) = self._as_they_stand([self._client.recorded_entry("schedule", schedule_id)])
        reads_all = may(caller.role, Permission.READ_ALL_ACCOUNTS)
        if caller.id != found.payer.owner_id and not reads_all:
            raise NotFound
        return found

    def of(self, caller: Caller, *, before: PagePosition, limit: int) -> list[ScheduleDetails]:
        """Give the schedules that the caller pays, the newest first."""
        found = self._client.store.entries_of(caller.id, "schedule", before=before, limit=limit)
        return self._as_they_stand(found)

    def runs(
        self, caller: Caller, schedule_id: str, *, before: PagePosition, limit: int
    ) -> list[Recorded]:
        """Give the runs of a schedule, those that were refused included, the newest first.

        :raises NotFound: there is no such schedule that the caller may see.
        """
        found = self.read(caller, schedule_id)
        return self._client.store.entries_of(found.id, "transfer", before=before, limit=limit)

    def cancel(self, caller: Caller, schedule_id: str) -> None:
        """End a schedule: it runs no more. To cancel it again changes nothing.

        :raises NotFound: there is no such schedule that the caller may see.
        :raises Forbidden: it is not the caller's.
        :raises Refused: `schedule_ended`, where it had its last run already.
        """
        found = self.read(caller, schedule_id)
        if caller.id != found.payer.owner_id:
            raise Forbidden("Only who pays cancels a schedule.")
        try:
            self._client.submit(caller, CancelSchedule(found.id, found.action.from_account))
        except Refused:
            if self.read(caller, schedule_id).stage is not Stage.CANCELLED:
                raise

    def _is_retry(self, caller: Caller, key: str | None) -> bool:
        """Tell whether a key was used: what was in time at first is not late when sent again."""
        return key is not None and self._client.entry_by_key(caller, key) is not None

    def _as_they_stand(self, schedules: list[Recorded]) -> list[ScheduleDetails]:
        loaded = load(self._client.store, schedules)
        return [_as_it_stands(each, loaded) for each in schedules]


def _begun(recorded: Recorded, loaded: Snapshot) -> ScheduleDetails:
    payer, payee = sides(recorded, loaded)
    begun = ScheduleDetails(recorded=recorded, payer=payer, payee=payee)
    return replace(begun, next_at=begun.action.first_at)


def _as_it_stands(recorded: Recorded, loaded: Snapshot) -> ScheduleDetails:
    progress = loaded.progress[recorded.entry.id]
    return replace(
        _begun(recorded, loaded),
        stage=progress.stage,
        run_count=progress.done_count,
        next_at=progress.due_at,
    )
