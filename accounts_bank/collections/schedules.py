"""Schedules: transfers that the bank makes by itself at given times."""

from datetime import datetime

from msgspec.structs import replace

from accounts_bank.collections.client import LedgerClient, PagePosition
from accounts_bank.collections.pending import PendingPayment, load, payer_and_payee
from accounts_bank.collections.permissions import Permission, may
from accounts_bank.errors import Forbidden, InvalidRequest, NotFound, Refused
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import CancelSchedule, Schedule
from accounts_bank.ledger.entries import Recorded, Snapshot
from accounts_bank.ledger.values import Stage, Status


class ScheduleDetails(PendingPayment, frozen=True, kw_only=True):
    """A schedule, the number of its runs, and the time of the next run."""

    run_count: int = 0
    next_at: datetime | None = None

    @property
    def action(self) -> Schedule:
        """The action that created the schedule."""
        assert isinstance(self.recorded.entry.action, Schedule)  # noqa: S101 - tells the type checker
        return self.recorded.entry.action


class Schedules:
    """The schedules of the bank."""

    def __init__(self, client: LedgerClient) -> None:
        self._client = client

    def create(
        self, caller: Caller, action: Schedule, key: str | None, *, dry_run: bool = False
    ) -> ScheduleDetails:
        """Create a schedule of transfers from one of the caller's accounts to any other account.

        :param key: the idempotency key; a repeated key returns the first outcome.
        :param dry_run: decide without saving.
        :returns: the schedule as it was created, also for a repeated key.
        :raises NotFound: the caller may not read the payer's account, or it does not exist.
        :raises Forbidden: the caller does not own the payer's account.
        :raises InvalidRequest: the first run lies in the past.
        :raises Refused: a rule of the ledger refuses it.
        """
        try:
            outcome = self._client.submit_payment(caller, action, key, dry_run=dry_run)
        except Refused as refused:
            if refused.code != Status.FIRST_RUN_PAST:
                raise
            raise InvalidRequest(
                refused.detail, pointer="/first_at", replayed=refused.replayed
            ) from refused
        if not dry_run:
            self._client.on_due(action.first_at)
        created = _created(outcome.recorded, load(self._client.store, [outcome.recorded]))
        return replace(created, replayed=outcome.replayed)

    def read(self, caller: Caller, schedule_id: str) -> ScheduleDetails:
        """Read a schedule that the caller pays, or any with READ_ALL_ACCOUNTS.

        :raises NotFound: there is no such schedule, or the caller may not read it.
        """
        (found,) = self._with_progress([self._client.recorded_entry("schedule", schedule_id)])
        reads_all = may(caller.role, Permission.READ_ALL_ACCOUNTS)
        if not caller.owns(found.payer) and not reads_all:
            raise NotFound
        return found

    def of(self, caller: Caller, *, before: PagePosition, limit: int) -> list[ScheduleDetails]:
        """Return a page of the schedules that the caller pays, newest first.

        :param before: the time and id of the last schedule of the previous page.
        :param limit: the largest number of schedules.
        """
        found = self._client.entries_of(caller, "schedule", before=before, limit=limit)
        return self._with_progress(found)

    def runs(
        self, caller: Caller, schedule_id: str, *, before: PagePosition, limit: int
    ) -> list[Recorded]:
        """Return a page of the runs of a schedule, refused ones included, newest first.

        :param before: the time and id of the last run of the previous page.
        :param limit: the largest number of runs.
        :raises NotFound: there is no such schedule, or the caller may not read it.
        """
        found = self.read(caller, schedule_id)
        return self._client.store.entries_of(found.id, "transfer", before=before, limit=limit)

    def cancel(self, caller: Caller, schedule_id: str) -> None:
        """End a schedule. To cancel it again changes nothing.

        :raises NotFound: there is no such schedule, or the caller may not read it.
        :raises Forbidden: the caller does not pay the schedule.
        :raises Refused: `schedule_ended`, the last run is over.
        """
        found = self.read(caller, schedule_id)
        if not caller.owns(found.payer):
            raise Forbidden("Only the payer cancels a schedule.")
        try:
            self._client.submit(caller, CancelSchedule(found.id, found.action.from_account))
        except Refused:
            if self.read(caller, schedule_id).stage is not Stage.CANCELLED:
                raise

    def _with_progress(self, schedules: list[Recorded]) -> list[ScheduleDetails]:
        loaded = load(self._client.store, schedules)
        return [_current(each, loaded) for each in schedules]


def _created(recorded: Recorded, loaded: Snapshot) -> ScheduleDetails:
    payer, payee = payer_and_payee(recorded, loaded)
    created = ScheduleDetails(recorded=recorded, payer=payer, payee=payee)
    return replace(created, next_at=created.action.first_at)


def _current(recorded: Recorded, loaded: Snapshot) -> ScheduleDetails:
    progress = loaded.progress[recorded.entry.id]
    return replace(
        _created(recorded, loaded),
        stage=progress.stage,
        run_count=progress.done_count,
        next_at=progress.due_at,
    )
