"""Approvals: actions of staff that a second person grants or refuses ("four eyes")."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeGuard

from msgspec import Struct
from msgspec.structs import replace

from accounts_bank.collections.client import LedgerClient, PagePosition, keyed_id, raise_refusal
from accounts_bank.collections.permissions import Permission, may
from accounts_bank.errors import AwaitsApproval, Forbidden, OwnAccount
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import (
    Action,
    Approvable,
    AskApproval,
    Deposit,
    GrantApproval,
    RefuseApproval,
    Reversal,
    SetCreditLimit,
    SetDailyLimit,
    SetRole,
    Withdrawal,
)
from accounts_bank.ledger.entries import KINDS, Entry, Needs, Outcome, Recorded, Snapshot
from accounts_bank.ledger.values import BANK_ID, Account, Stage

_ASKED, _GRANTED, _REFUSED = KINDS[AskApproval], KINDS[GrantApproval], KINDS[RefuseApproval]
_READ_AT_ONCE = 100

EXPIRES_IN_MAX_S = 30 * 24 * 3600
"""A request for approval waits at most this long, in seconds."""


class FourEyes(Struct, frozen=True):
    """The actions of staff that need a second person.

    :param cash_above_minor: by currency, the largest amount of cash that needs none, in minor
        units; cash in other currencies never needs one.
    :param is_on: whether limits, roles and reversals need one.
    :param expires_in_s: the time after which a request expires, in seconds.
    """

    cash_above_minor: Mapping[str, int] = {}
    is_on: bool = False
    expires_in_s: int = 24 * 3600

    def needed_for(self, action: Action) -> TypeGuard[Approvable]:
        """Return whether an action of staff needs a second person."""
        if isinstance(action, Deposit | Withdrawal):
            above_minor = self.cash_above_minor.get(action.currency)
            return above_minor is not None and action.amount_minor > above_minor
        return self.is_on and isinstance(
            action, Reversal | SetCreditLimit | SetDailyLimit | SetRole
        )


class ApprovalDetails(Struct, frozen=True, kw_only=True):
    """A request for approval, its present stage and, if there is one, its decision.

    `account` is the account that the action changes, None for a role. A list has no decisions.
    """

    recorded: Recorded
    stage: Stage
    account: Account | None = None
    decision: Recorded | None = None
    replayed: bool = False

    @property
    def id(self) -> str:
        """The id of the request."""
        return self.recorded.entry.id

    @property
    def ask(self) -> AskApproval:
        """The action that made the request."""
        assert isinstance(self.recorded.entry.action, AskApproval)  # noqa: S101 - tells the type checker
        return self.recorded.entry.action

    @property
    def expires_at(self) -> datetime:
        """The time at which the request expires by itself."""
        return self.ask.expires_at(self.recorded.entry.at)

    @property
    def done_id(self) -> str | None:
        """The id of the entry that a grant recorded."""
        return done_id(self.id) if self.stage is Stage.GRANTED else None


class Approvals:
    """The requests for approval. Every method may raise `Unavailable`."""

    def __init__(self, client: LedgerClient, four_eyes: FourEyes) -> None:
        self._client = client
        self._four_eyes = four_eyes

    def waive(self) -> None:
        """Demand no second person any more: the demo writes its history by itself."""
        self._four_eyes = FourEyes()

    def submit(self, caller: Caller, action: Action, key: str | None = None) -> Outcome:
        """Submit an action of staff, or ask a second person to approve it.

        :param action: names accounts by id.
        :param key: the idempotency key; a repeated key returns the first outcome or request.
        :raises AwaitsApproval: a second person must decide; the request is recorded.
        :raises Refused: a rule of the ledger refuses the action.
        """
        self.ask_if_needed(caller, action, key)
        return self._client.submit(caller, action, key)

    def ask_if_needed(self, caller: Caller, action: Action, key: str | None = None) -> None:
        """Ask a second person to approve an action, if the bank's settings demand it.

        It raises as `submit` does.
        """
        prior = self._prior(caller, key)
        if isinstance(prior, AskApproval) and prior.action == action:
            ask = prior
        elif prior != action and self._four_eyes.needed_for(action):
            ask = self._request(action)
        else:
            return
        outcome = self._client.submit(caller, ask, key)
        approval = self._with_stages([outcome.recorded])[0]
        raise AwaitsApproval(
            approval.id, approval.stage, approval.expires_at, replayed=outcome.replayed
        )

    def read(self, caller: Caller, approval_id: str) -> ApprovalDetails:
        """Read a request for approval.

        :raises Forbidden: the caller lacks READ_APPROVALS.
        :raises NotFound: there is no such request.
        """
        _check(caller, Permission.READ_APPROVALS)
        (found,) = self._with_stages([self._client.recorded_entry(_ASKED, approval_id)])
        kind = {Stage.GRANTED: _GRANTED, Stage.REFUSED: _REFUSED}.get(found.stage)
        if kind is None:
            return found
        (decision,) = self._client.store.entries_of(found.id, kind, before=None, limit=1)
        return replace(found, decision=decision)

    def waiting(self, caller: Caller, *, before: PagePosition, limit: int) -> list[ApprovalDetails]:
        """Return a page of the requests that wait for a second person, newest first.

        :param before: the time and id of the last request of the previous page.
        :param limit: the largest number of requests.
        :raises Forbidden: the caller lacks READ_APPROVALS.
        """
        _check(caller, Permission.READ_APPROVALS)
        oldest = self._client.clock() - timedelta(seconds=EXPIRES_IN_MAX_S)
        found: list[ApprovalDetails] = []
        while len(found) < limit:
            batch = self._client.store.entries_of(
                BANK_ID, _ASKED, before=before, limit=_READ_AT_ONCE
            )
            found += [each for each in self._with_stages(batch) if each.stage is Stage.OPEN]
            if len(batch) < _READ_AT_ONCE or batch[-1].at < oldest:
                break
            before = batch[-1].at, batch[-1].entry.id
        return found[:limit]

    def grant(self, caller: Caller, approval_id: str, key: str | None) -> ApprovalDetails:
        """Grant a request: its action is decided by the ledger now, and recorded with the grant.

        :param key: the idempotency key; a repeated key returns the first outcome.
        :raises Forbidden: the caller lacks DECIDE_APPROVALS, or CHANGE_ROLES for a role.
        :raises OwnAccount: the action changes an account or the role of the caller.
        :raises NotFound: there is no such request.
        :raises Refused: `own_approval`, the caller asked for it; it was decided or has expired; or
            a rule of the ledger refuses the action.
        """
        approval = self._decidable(caller, approval_id)
        entry, ask = approval.recorded.entry, approval.ask
        grant = GrantApproval(approval.id, *_subject(ask))
        head = self._client.new_entry(self._client.entry_id(caller, key), caller, grant)
        part = Entry(done_id(approval.id), entry.caller_id, head.at, ask.action, head.till)
        outcome, _done = self._client.submit_batch((head, part), dry_run=False)
        raise_refusal(outcome)
        return _decided(approval, outcome, Stage.GRANTED)

    def refuse(self, caller: Caller, approval_id: str, key: str | None) -> ApprovalDetails:
        """Refuse a request: its action is never done. Parameters and errors are as in `grant`."""
        approval = self._decidable(caller, approval_id)
        refusal = RefuseApproval(approval.id, *_subject(approval.ask))
        outcome = self._client.submit(caller, refusal, key)
        return _decided(approval, outcome, Stage.REFUSED)

    def _prior(self, caller: Caller, key: str | None) -> Action | None:
        """Return the action that an earlier request with the same key made."""
        if key is None:
            return None
        found = self._client.store.entry(self._client.entry_id(caller, key))
        return None if found is None else found.entry.action

    def _request(self, action: Approvable) -> AskApproval:
        user_id = action.user_id if isinstance(action, SetRole) else None
        transfer_id = action.transfer_id if isinstance(action, Reversal) else None
        return AskApproval(action, self._four_eyes.expires_in_s, user_id, transfer_id)

    def _decidable(self, caller: Caller, approval_id: str) -> ApprovalDetails:
        _check(caller, Permission.DECIDE_APPROVALS)
        approval = self.read(caller, approval_id)
        if isinstance(approval.ask.action, SetRole):
            _check(caller, Permission.CHANGE_ROLES)
        if caller.id in self._concerned(approval.ask):
            raise OwnAccount
        return approval

    def _concerned(self, ask: AskApproval) -> set[str]:
        """Return the ids of the users that an action gives or takes something."""
        if isinstance(ask.action, SetRole):
            return {ask.action.user_id}
        names = {ask.subject}
        if isinstance(ask.action, Reversal):
            names.add(ask.action.to_account)
        found = self._client.store.load(Needs(accounts=frozenset(names))).accounts.values()
        return {each.owner_id for each in found}

    def _with_stages(self, requests: Sequence[Recorded]) -> list[ApprovalDetails]:
        found = [ApprovalDetails(recorded=each, stage=Stage.OPEN) for each in requests]
        ids = frozenset(each.id for each in found)
        names = frozenset(each.ask.subject for each in found if each.ask.user_id is None)
        loaded = self._client.store.load(Needs(accounts=names, progress=ids))
        return [self._with_stage(each, loaded) for each in found]

    def _with_stage(self, approval: ApprovalDetails, loaded: Snapshot) -> ApprovalDetails:
        stage = loaded.progress[approval.id].stage
        if stage is Stage.OPEN and approval.expires_at <= self._client.clock():
            stage = Stage.EXPIRED
        return replace(approval, stage=stage, account=loaded.accounts.get(approval.ask.subject))


def _decided(approval: ApprovalDetails, outcome: Outcome, stage: Stage) -> ApprovalDetails:
    return replace(approval, stage=stage, decision=outcome.recorded, replayed=outcome.replayed)


def _check(caller: Caller, permission: Permission) -> None:
    if not may(caller.role, permission):
        raise Forbidden("Only staff that may change this decides it.")


def done_id(approval_id: str) -> str:
    """Return the id of the entry that a grant records: one for each request, so it is done once."""
    return keyed_id(approval_id, "granted")


def _subject(ask: AskApproval) -> tuple[str | None, str | None]:
    """Return the account or the user that a decision locks."""
    return (None, ask.user_id) if ask.user_id is not None else (ask.subject, None)
