"""Derive events from an entry: who is told what. Pure, so the same entry always gives the same.

A customer sees its own accounts alone: no balance and no limit of the other side. Each line of a
customer's account is in exactly one event, so `line` has no gap for one account.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from accounts_bank.collections.bulk import BEYOND
from accounts_bank.collections.client import keyed_id
from accounts_bank.events.types import Event, EventData, EventType
from accounts_bank.ledger.actions import (
    CancelSchedule,
    Capture,
    CloseAccount,
    Deposit,
    Every,
    Expire,
    FreezeAccount,
    Hold,
    OpenAccount,
    Reversal,
    Schedule,
    SetCreditLimit,
    SetDailyLimit,
    Transfer,
    UnfreezeAccount,
    Void,
    Withdrawal,
)
from accounts_bank.ledger.entries import Needs, Recorded, Snapshot
from accounts_bank.ledger.integrity.checksums import NOT_A_RUN
from accounts_bank.ledger.values import BANK_ID, Account, Line, Status

Told = Iterator[tuple[EventType, str, str | None, int | None, EventData]]
"""Type, owner, account, line and data of the events of one entry."""

_ACCOUNT_NAMES = ("account", "from_account", "to_account")
_EARLIER_NAMES = ("hold_id", "schedule_id")


def earlier_of(entries: Iterable[Recorded]) -> Needs:
    """Return the earlier entries that the events of some entries tell of."""
    found = (getattr(each.entry.action, name, None) for each in entries for name in _EARLIER_NAMES)
    return Needs(entries=frozenset(each for each in found if each))


def accounts_of(entries: Iterable[Recorded]) -> Needs:
    """Return the accounts that some entries and their earlier entries name."""
    found: set[str] = set()
    for each in entries:
        action = each.entry.action
        found.update(getattr(action, name, "") for name in _ACCOUNT_NAMES)
        found.update(line.account_id for line in each.lines)
        if isinstance(action, OpenAccount):
            found.add(each.entry.id)
    return Needs(accounts=frozenset(found - {""}))


def events_of(number: int, recorded: Recorded, books: Snapshot) -> list[Event]:
    """Return the events of a numbered entry.

    :param books: the values of `accounts_of` and `earlier_of`.
    """
    tell = _TELL.get(type(recorded.entry.action))
    if tell is None or (recorded.status is not Status.RECORDED and tell is not _transfer):
        return []
    metadata = getattr(recorded.entry.action, "metadata", UNSET)
    return [
        Event(
            number=number,
            type=kind,
            at=recorded.at,
            owner_id=owner_id,
            account_id=account_id,
            line=line,
            data=replace(data, metadata=metadata),
        )
        for kind, owner_id, account_id, line, data in tell(recorded, books)
        if owner_id != BANK_ID
    ]


def _of_account(kind: EventType) -> Callable[[Recorded, Snapshot], Told]:
    """Tell the owner of an account about the account itself."""

    def tell(recorded: Recorded, books: Snapshot) -> Told:
        action: Any = recorded.entry.action
        name = recorded.entry.id if isinstance(action, OpenAccount) else action.account
        account = books.accounts.get(name)
        if account is not None:
            data = EventData(
                entry_id=recorded.entry.id,
                account_number=account.number,
                currency=account.currency,
            )
            if isinstance(action, SetCreditLimit):
                data = replace(data, credit_limit_minor=action.credit_limit_minor)
            if isinstance(action, SetDailyLimit):
                data = replace(data, daily_limit_minor=action.daily_limit_minor)
            yield kind, account.owner_id, account.id, None, data

    return tell


def _of_lines(paid: EventType, received: EventType) -> Callable[[Recorded, Snapshot], Told]:
    """Tell the owner of each line about the money."""

    def tell(recorded: Recorded, books: Snapshot) -> Told:
        for line in recorded.lines:
            account = books.accounts[line.account_id]
            kind = paid if line.amount_minor < 0 else received
            yield kind, account.owner_id, account.id, line.number, _moved(recorded, line, account)

    return tell


def _moved(recorded: Recorded, line: Line, account: Account) -> EventData:
    action: Any = recorded.entry.action
    payer, payee = recorded.lines
    is_cash = isinstance(action, Deposit | Withdrawal)
    is_payer = line.amount_minor < 0
    data = EventData(
        entry_id=recorded.entry.id,
        counterparty=line.counterparty,
        amount_minor=abs(line.amount_minor),
        currency=account.currency,
        reference=line.reference,
        balance_minor=line.balance_minor,
    )
    if not is_cash:
        ends = {"from_account_id": payer.account_id, "to_account_id": payee.account_id}
        data = replace(data, **ends, **_earlier(action, recorded.entry.id))
    parents = (("schedule_id", is_payer), ("bulk_id", is_payer))
    seen = {name: getattr(action, name, None) for name, is_seen in parents if is_seen}
    return replace(data, **{name: value for name, value in seen.items() if value})


def _earlier(action: Any, entry_id: str) -> dict[str, str]:
    """Return the id under which the API knows the payment."""
    if isinstance(action, Capture):
        return {"hold_id": action.hold_id}
    return {"transfer_id": getattr(action, "transfer_id", entry_id)}


_sent = _of_lines(EventType.TRANSFER_SENT, EventType.TRANSFER_RECEIVED)


def _transfer(recorded: Recorded, books: Snapshot) -> Told:
    action: Any = recorded.entry.action
    is_refused = recorded.status is not Status.RECORDED
    if not is_refused:
        yield from _sent(recorded, books)
    payer = books.accounts.get(action.from_account)
    is_own = payer is not None and payer.owner_id == recorded.entry.caller_id
    owner_id, account_id = recorded.entry.caller_id, payer.id if payer and is_own else None
    data = _asked(recorded)
    if action.schedule_id is None:
        if is_refused:
            yield EventType.TRANSFER_REFUSED, owner_id, account_id, None, data
    elif recorded.status not in NOT_A_RUN:
        run = EventType.SCHEDULE_REFUSED if is_refused else EventType.SCHEDULE_RUN
        yield run, owner_id, account_id, None, data
        if _is_last(recorded, books):
            ended = _of_schedule(recorded.entry.id, action.schedule_id, books)
            yield EventType.SCHEDULE_ENDED, owner_id, account_id, None, ended


def _asked(recorded: Recorded) -> EventData:
    """Return a transfer as its payer asked for it, and the reason of a refusal."""
    action: Any = recorded.entry.action
    data = EventData(
        entry_id=recorded.entry.id,
        from_account=action.from_account.removesuffix(BEYOND),
        to_account=action.to_account,
        amount_minor=action.amount_minor,
        currency=action.currency,
        reference=action.reference,
    )
    parents = {"schedule_id": action.schedule_id, "bulk_id": action.bulk_id}
    data = replace(data, **{name: each for name, each in parents.items() if each})
    if recorded.status is Status.RECORDED:
        return replace(data, transfer_id=recorded.entry.id)
    return replace(data, code=recorded.status.value, **dict(recorded.details))


def _is_last(recorded: Recorded, books: Snapshot) -> bool:
    """Return whether a run was the last one of its schedule."""
    action: Any = recorded.entry.action
    schedule = books.entries[action.schedule_id].entry.action
    if recorded.status is Status.ACCOUNT_CLOSED:
        return True
    assert isinstance(schedule, Schedule)  # noqa: S101 - tells the type checker
    count = 1 if schedule.every is Every.ONCE else schedule.count
    return count is not None and recorded.entry.id == keyed_id(action.schedule_id, str(count - 1))


def _of_schedule(entry_id: str, schedule_id: str, books: Snapshot) -> EventData:
    schedule: Any = books.entries[schedule_id].entry.action
    return EventData(
        entry_id=entry_id,
        schedule_id=schedule_id,
        from_account=schedule.from_account,
        to_account=schedule.to_account,
        amount_minor=schedule.amount_minor,
        currency=schedule.currency,
        reference=schedule.reference,
    )


def _cancelled(recorded: Recorded, books: Snapshot) -> Told:
    action: Any = recorded.entry.action
    payer = books.accounts[action.from_account]
    data = _of_schedule(recorded.entry.id, action.schedule_id, books)
    yield EventType.SCHEDULE_CANCELLED, payer.owner_id, payer.id, None, data


def _of_hold(kind: EventType) -> Callable[[Recorded, Snapshot], Told]:
    """Tell both sides about a hold."""

    def tell(recorded: Recorded, books: Snapshot) -> Told:
        hold_id = getattr(recorded.entry.action, "hold_id", recorded.entry.id)
        held = books.entries.get(hold_id, recorded)
        hold: Any = held.entry.action
        payer, payee = books.accounts[hold.from_account], books.accounts[hold.to_account]
        data = EventData(
            entry_id=recorded.entry.id,
            hold_id=hold_id,
            from_account_id=payer.id,
            to_account_id=payee.id,
            amount_minor=hold.amount_minor,
            currency=hold.currency,
            reference=hold.reference,
            expires_at=hold.expires_at(held.entry.at),
        )
        for own, other in ((payer, payee), (payee, payer)):
            yield kind, own.owner_id, own.id, None, replace(data, counterparty=other.number)

    return tell


_CASH_IN, _CASH_OUT = EventType.DEPOSIT_RECORDED, EventType.WITHDRAWAL_RECORDED
_REVERSED, _CAPTURED = EventType.TRANSFER_REVERSED, EventType.HOLD_CAPTURED

_TELL: dict[type[Any], Callable[[Recorded, Snapshot], Told]] = {
    OpenAccount: _of_account(EventType.ACCOUNT_OPENED),
    FreezeAccount: _of_account(EventType.ACCOUNT_FROZEN),
    UnfreezeAccount: _of_account(EventType.ACCOUNT_UNFROZEN),
    CloseAccount: _of_account(EventType.ACCOUNT_CLOSED),
    SetCreditLimit: _of_account(EventType.ACCOUNT_LIMIT_CHANGED),
    SetDailyLimit: _of_account(EventType.ACCOUNT_LIMIT_CHANGED),
    Deposit: _of_lines(_CASH_IN, _CASH_IN),
    Withdrawal: _of_lines(_CASH_OUT, _CASH_OUT),
    Transfer: _transfer,
    Reversal: _of_lines(_REVERSED, _REVERSED),
    Hold: _of_hold(EventType.HOLD_PLACED),
    Capture: _of_lines(_CAPTURED, _CAPTURED),
    Void: _of_hold(EventType.HOLD_VOIDED),
    Expire: _of_hold(EventType.HOLD_EXPIRED),
    CancelSchedule: _cancelled,
}
