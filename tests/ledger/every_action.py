"""One entry of every action, in an order in which the ledger records all of them."""

from collections.abc import Iterator

from msgspec.structs import replace

from accounts_bank.ledger.actions import (
    Action,
    AskApproval,
    BulkMode,
    CancelSchedule,
    ChangeAccount,
    CloseAccount,
    Deposit,
    Expire,
    FreezeAccount,
    GrantApproval,
    Leave,
    OpenAccount,
    RefuseApproval,
    RenameAccount,
    SetCreditLimit,
    SetDailyLimit,
    SetRole,
    UnfreezeAccount,
    Void,
    Withdrawal,
)
from accounts_bank.ledger.entries import Entry
from tests.helpers import START
from tests.ledger.bank import Bank


def actions(bank: Bank) -> Iterator[tuple[str, Action]]:
    """Return actions with the ids of their entries; extend it with each new action."""
    ada, carl = bank.opened["ada"], bank.opened["carl"]
    yield "new", OpenAccount("owner-dora", "Main", "EUR")
    yield "renamed", RenameAccount(ada, "Rent")
    yield "changed", ChangeAccount(ada, {"team": "a"}, "Rents")
    yield "frozen", FreezeAccount(ada)
    yield "unfrozen", UnfreezeAccount(ada)
    yield "credit", SetCreditLimit(ada, 10)
    yield "daily", SetDailyLimit(ada, 1000)
    yield "deposit", Deposit(ada, 100, "EUR")
    yield "withdrawal", Withdrawal(ada, 10, "EUR")
    sent = bank.transfer("ada", "bob", 20)
    yield "sent", sent
    yield "back", bank.back(sent, "sent", 5)
    captured, voided = bank.hold("ada", "bob", 7), bank.hold("ada", "bob", 8)
    expired = bank.hold("ada", "bob", 9, expires_in_s=0)
    yield "hold-1", captured
    yield "hold-2", voided
    yield "hold-3", expired
    yield "capture", bank.capture(captured, "hold-1", 6)
    yield "void", Void("hold-2", voided.from_account)
    yield "expire", Expire("hold-3", expired.from_account)
    yield "schedule", bank.schedule("ada", "bob", 1)
    yield "cancel", CancelSchedule("schedule", ada)
    yield "role", SetRole("owner-ada", "teller")
    yield "ask", AskApproval(SetDailyLimit(ada, 2000), 60)
    yield "refuse", RefuseApproval("ask", ada)
    yield "close", CloseAccount(carl, "owner-carl")
    yield "leave", Leave("owner-carl")


def made(bank: Bank, action: Action, entry_id: str) -> Entry:
    """Make an entry at START; a second person makes a request for approval."""
    entry = bank.entry(action, entry_id=entry_id, at=START)
    return replace(entry, caller_id="asker") if isinstance(action, AskApproval) else entry


def bank_with_every_action() -> tuple[Bank, dict[str, bool]]:
    """Return a bank with one entry of every action, and for each kind whether it moves money."""
    bank = Bank(ada=100, bob=100, carl=0)
    moves: dict[str, bool] = {}
    batches: list[list[Entry]] = [
        [made(bank, action, entry_id)] for entry_id, action in actions(bank)
    ]
    ask = AskApproval(SetRole("owner-bob", "teller"), 60, user_id="owner-bob")
    batches.append([Entry("ask-2", "asker", START, ask)])
    grant = GrantApproval("ask-2", user_id="owner-bob")
    batches.append([bank.entry(grant, at=START), bank.entry(ask.action, at=START)])
    batches.append(bank.bulk_of("bulk", BulkMode.EACH, bank.transfer("ada", "bob", 1)))
    for entries in batches:
        for outcome in bank.store.append(entries):
            recorded = outcome.recorded
            assert outcome.status == "recorded", (recorded.entry, outcome.status)
            moves[recorded.entry.kind] = bool(recorded.lines) or moves.get(
                recorded.entry.kind, False
            )
    return bank, moves
