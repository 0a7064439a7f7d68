"""Holds: money set aside for somebody else, who takes it, or a part of it, or gives it up."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from accounts_bank.collections.client import LedgerClient, PagePosition
from accounts_bank.collections.pending import PendingPayment, load, sides
from accounts_bank.collections.permissions import Permission, may
from accounts_bank.errors import Forbidden, NotFound
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Capture, Hold, Void
from accounts_bank.ledger.entries import Needs, Recorded, Snapshot
from accounts_bank.ledger.values import Stage


class HoldDetails(PendingPayment, frozen=True, kw_only=True):
    """A hold and how far it has come; `capture_id` is the entry that moved the money."""

    captured_minor: int = 0
    capture_id: str | None = None

    @property
    def action(self) -> Hold:
        """What was asked."""
        assert isinstance(self.recorded.entry.action, Hold)  # noqa: S101 - tells the type checker
        return self.recorded.entry.action

    @property
    def expires_at(self) -> datetime:
        """When it ends by itself."""
        return self.recorded.entry.at + timedelta(seconds=self.action.expires_in_s)


class Holds:
    """The holds of the bank."""

    def __init__(self, client: LedgerClient) -> None:
        self._client = client

    def create(
        self, caller: Caller, ask: Hold, key: str | None, *, dry_run: bool = False
    ) -> HoldDetails:
        """Set money aside on one of the caller's accounts for any other account.

        What is answered is the hold as it began, to a retry as well.

        :raises NotFound: there is no such account to pay from that the caller may see.
        :raises Forbidden: it is somebody else's, and the caller may only see it.
        :raises Refused: a rule says no.
        """
        outcome = self._client.submit_payment(caller, ask, key, dry_run=dry_run)
        loaded = load(self._client.store, [outcome.recorded])
        return replace(_begun(outcome.recorded, loaded), replayed=outcome.replayed)

    def read(self, caller: Caller, hold_id: str) -> HoldDetails:
        """Read a hold that the caller pays or is paid by, or may look at.

        :raises NotFound: there is none.
        """
        (hold,) = self._as_they_stand([self._client.recorded_entry("hold", hold_id)])
        owners = hold.payer.owner_id, hold.payee.owner_id
        if caller.id not in owners and not may(caller.role, Permission.READ_ALL_ACCOUNTS):
            raise NotFound
        return hold

    def of(self, caller: Caller, *, before: PagePosition, limit: int) -> list[HoldDetails]:
        """Give the holds that the caller pays or is paid by, the newest first."""
        found = self._client.store.entries_of(caller.id, "hold", before=before, limit=limit)
        return self._as_they_stand(found)

    def capture(
        self,
        caller: Caller,
        hold_id: str,
        key: str | None,
        *,
        amount_minor: int | None = None,
        dry_run: bool = False,
    ) -> HoldDetails:
        """Move what is held, or `amount_minor` of it, to the payee; the rest is free again.

        :raises NotFound: there is no such hold that the caller may see.
        :raises Forbidden: the caller is neither the payee nor a teller.
        :raises Refused: a rule says no.
        """
        hold = self._to_end(caller, hold_id)
        ask = Capture(hold.id, hold.action.from_account, hold.action.to_account, amount_minor)
        outcome = self._client.submit(caller, ask, key, dry_run=dry_run)
        return replace(_captured(hold, outcome.recorded), replayed=outcome.replayed)

    def void(
        self, caller: Caller, hold_id: str, key: str | None, *, dry_run: bool = False
    ) -> HoldDetails:
        """Give a hold up: all of it is free again.

        :raises NotFound: there is no such hold that the caller may see.
        :raises Forbidden: the caller is neither the payee nor a teller.
        :raises Refused: a rule says no.
        """
        hold = self._to_end(caller, hold_id)
        ask = Void(hold.id, hold.action.from_account)
        outcome = self._client.submit(caller, ask, key, dry_run=dry_run)
        return replace(hold, stage=Stage.VOIDED, replayed=outcome.replayed)

    def may_end(self, caller: Caller, hold: HoldDetails) -> bool:
        """Return whether a caller that may read a hold may also capture or void it."""
        return caller.id == hold.payee.owner_id or may(caller.role, Permission.CAPTURE_ANY)

    def _to_end(self, caller: Caller, hold_id: str) -> HoldDetails:
        """Read a hold that the caller may end."""
        hold = self.read(caller, hold_id)
        if not self.may_end(caller, hold):
            raise Forbidden("Only its payee and tellers capture or void a hold.")
        return hold

    def _as_they_stand(self, holds: list[Recorded]) -> list[HoldDetails]:
        loaded, now = load(self._client.store, holds), self._client.clock()
        begun = [_begun(each, loaded) for each in holds]
        stages = {each.entry_id: each.stage for each in loaded.progress.values()}
        captures = self._captures([each for each in stages if stages[each] is Stage.CAPTURED])
        return [
            _captured(each, captures[each.id])
            if each.id in captures
            else _as_it_stands(each, stages[each.id], now)
            for each in begun
        ]

    def _captures(self, hold_ids: list[str]) -> dict[str, Recorded]:
        """Find what was captured of holds, all in one reading."""
        if not hold_ids:
            return {}
        found = self._client.store.load(Needs(captures=frozenset(hold_ids))).entries.values()
        return {_hold_id(each): each for each in found}


def _begun(recorded: Recorded, loaded: Snapshot) -> HoldDetails:
    payer, payee = sides(recorded, loaded)
    return HoldDetails(recorded=recorded, payer=payer, payee=payee)


def _as_it_stands(hold: HoldDetails, stage: Stage, now: datetime) -> HoldDetails:
    is_over = stage is Stage.OPEN and hold.expires_at <= now
    return replace(hold, stage=Stage.EXPIRED if is_over else stage)


def _hold_id(capture: Recorded) -> str:
    assert isinstance(capture.entry.action, Capture)  # noqa: S101 - tells the type checker
    return capture.entry.action.hold_id


def _captured(hold: HoldDetails, capture: Recorded) -> HoldDetails:
    amount_minor = capture.lines[1].amount_minor
    return replace(
        hold, stage=Stage.CAPTURED, captured_minor=amount_minor, capture_id=capture.entry.id
    )
