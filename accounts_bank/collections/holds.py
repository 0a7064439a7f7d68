"""Holds: reserved money that the payee captures, in full or in part, or voids."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from accounts_bank.collections.client import LedgerClient, PagePosition
from accounts_bank.collections.pending import PendingPayment, load, payer_and_payee
from accounts_bank.collections.permissions import Permission, may
from accounts_bank.errors import Forbidden, NotFound, OwnAccount
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Capture, Hold, Void
from accounts_bank.ledger.actions.hold import stage_at
from accounts_bank.ledger.entries import Needs, Recorded, Snapshot
from accounts_bank.ledger.values import Stage


class HoldDetails(PendingPayment, frozen=True, kw_only=True):
    """A hold and its stage; `capture_id` is the entry that moved the money."""

    captured_minor: int = 0
    capture_id: str | None = None

    @property
    def action(self) -> Hold:
        """The action that created the hold."""
        assert isinstance(self.recorded.entry.action, Hold)  # noqa: S101 - tells the type checker
        return self.recorded.entry.action

    @property
    def expires_at(self) -> datetime:
        """The time at which the hold expires by itself."""
        return self.action.expires_at(self.recorded.entry.at)


class Holds:
    """The holds of the bank."""

    def __init__(self, client: LedgerClient) -> None:
        self._client = client

    def create(
        self, caller: Caller, action: Hold, key: str | None, *, dry_run: bool = False
    ) -> HoldDetails:
        """Reserve money on one of the caller's accounts for any other account.

        :param key: the idempotency key; a repeated key returns the first outcome.
        :param dry_run: decide without saving.
        :returns: the hold as it was created, also for a repeated key.
        :raises NotFound: the caller may not read the payer's account, or it does not exist.
        :raises Forbidden: the caller does not own the payer's account.
        :raises Refused: a rule of the ledger refuses it.
        """
        outcome = self._client.submit_payment(caller, action, key, dry_run=dry_run)
        if not dry_run:
            self._client.on_due(action.expires_at(outcome.recorded.entry.at))
        loaded = load(self._client.store, [outcome.recorded])
        return replace(_created(outcome.recorded, loaded), replayed=outcome.replayed)

    def read(self, caller: Caller, hold_id: str) -> HoldDetails:
        """Read a hold of which the caller is a party, or any with READ_ALL_ACCOUNTS.

        :raises NotFound: there is no such hold, or the caller may not read it.
        """
        (hold,) = self._with_stages([self._client.recorded_entry("hold", hold_id)])
        if not _is_party(caller, hold) and not may(caller.role, Permission.READ_ALL_ACCOUNTS):
            raise NotFound
        return hold

    def of(self, caller: Caller, *, before: PagePosition, limit: int) -> list[HoldDetails]:
        """Return a page of the holds of which the caller is the payer or the payee, newest first.

        :param before: the time and id of the last hold of the previous page.
        :param limit: the largest number of holds.
        """
        found = self._client.entries_of(caller, "hold", before=before, limit=limit)
        return self._with_stages(found)

    def capture(
        self,
        caller: Caller,
        hold_id: str,
        key: str | None,
        *,
        amount_minor: int | None = None,
        dry_run: bool = False,
    ) -> HoldDetails:
        """Move held money to the payee and release the rest.

        :param amount_minor: the amount to move in minor units; None moves all of it.
        :param key: the idempotency key; a repeated key returns the first outcome.
        :param dry_run: decide without saving.
        :raises NotFound: there is no such hold, or the caller may not read it.
        :raises Forbidden: the caller is not the payee and lacks CAPTURE_ANY.
        :raises OwnAccount: the caller is the payer and has CAPTURE_ANY.
        :raises Refused: a rule of the ledger refuses it.
        """
        hold = self._endable(caller, hold_id)
        action = Capture(hold.id, hold.action.from_account, hold.action.to_account, amount_minor)
        outcome = self._client.submit(caller, action, key, dry_run=dry_run)
        return replace(_with_capture(hold, outcome.recorded), replayed=outcome.replayed)

    def void(
        self, caller: Caller, hold_id: str, key: str | None, *, dry_run: bool = False
    ) -> HoldDetails:
        """Release all of a hold.

        :param key: the idempotency key; a repeated key returns the first outcome.
        :param dry_run: decide without saving.
        :raises NotFound: there is no such hold, or the caller may not read it.
        :raises Forbidden: the caller is not the payee and lacks CAPTURE_ANY.
        :raises OwnAccount: the caller is the payer and has CAPTURE_ANY.
        :raises Refused: a rule of the ledger refuses it.
        """
        hold = self._endable(caller, hold_id)
        action = Void(hold.id, hold.action.from_account)
        outcome = self._client.submit(caller, action, key, dry_run=dry_run)
        return replace(hold, stage=Stage.VOIDED, replayed=outcome.replayed)

    def may_end(self, caller: Caller, hold: HoldDetails) -> bool:
        """Return whether a caller that may read a hold may also capture or void it.

        Staff does not end a hold on an account of its own.
        """
        if caller.owns(hold.payee):
            return True
        return caller.id != hold.payer.owner_id and may(caller.role, Permission.CAPTURE_ANY)

    def _endable(self, caller: Caller, hold_id: str) -> HoldDetails:
        """Read a hold that the caller may capture or void."""
        hold = self.read(caller, hold_id)
        if not self.may_end(caller, hold):
            if may(caller.role, Permission.CAPTURE_ANY):
                raise OwnAccount
            raise Forbidden("Only its payee and tellers capture or void a hold.")
        return hold

    def with_stages(self, _caller: Caller, holds: Sequence[Recorded]) -> list[HoldDetails]:
        """Return holds with their stages at this moment; all callers see the same."""
        return self._with_stages(holds)

    def _with_stages(self, holds: Sequence[Recorded]) -> list[HoldDetails]:
        loaded, now = load(self._client.store, holds), self._client.clock()
        created = [_created(each, loaded) for each in holds]
        stages = {each.entry_id: stage_at(each, now) for each in loaded.progress.values()}
        captures = self._captures([each for each in stages if stages[each] is Stage.CAPTURED])
        return [
            _with_capture(each, captures[each.id])
            if each.id in captures
            else replace(each, stage=stages[each.id])
            for each in created
        ]

    def _captures(self, hold_ids: list[str]) -> dict[str, Recorded]:
        """Read the captures of holds in one query, by the id of the hold."""
        if not hold_ids:
            return {}
        found = self._client.store.load(Needs(captures=frozenset(hold_ids))).entries.values()
        return {_hold_id(each): each for each in found}


def _is_party(caller: Caller, hold: HoldDetails) -> bool:
    return caller.owns(hold.payer) or caller.owns(hold.payee)


def _created(recorded: Recorded, loaded: Snapshot) -> HoldDetails:
    payer, payee = payer_and_payee(recorded, loaded)
    return HoldDetails(recorded=recorded, payer=payer, payee=payee)


def _hold_id(capture: Recorded) -> str:
    assert isinstance(capture.entry.action, Capture)  # noqa: S101 - tells the type checker
    return capture.entry.action.hold_id


def _with_capture(hold: HoldDetails, capture: Recorded) -> HoldDetails:
    amount_minor = capture.lines[1].amount_minor
    return replace(
        hold, stage=Stage.CAPTURED, captured_minor=amount_minor, capture_id=capture.entry.id
    )
