"""The rules, one function for each action. Each is pure: a view of the books -> a verdict."""

from collections.abc import Callable
from typing import Any

from accounts_bank.ledger import actions as asks
from accounts_bank.ledger.entries import Entry
from accounts_bank.ledger.rules import accounts, holds, money, schedules
from accounts_bank.ledger.rules.verdicts import Books, Effect, Refusal, Verdict

RULES: dict[type[Any], Callable[[Books, Entry, Any], Verdict]] = {
    asks.OpenAccount: accounts.open_account,
    asks.RenameAccount: accounts.rename_account,
    asks.CloseAccount: accounts.close_account,
    asks.FreezeAccount: accounts.freeze_account,
    asks.UnfreezeAccount: accounts.unfreeze_account,
    asks.SetCreditLimit: accounts.set_credit_limit,
    asks.SetDailyLimit: accounts.set_daily_limit,
    asks.Leave: accounts.leave,
    asks.Deposit: money.deposit,
    asks.Withdrawal: money.withdrawal,
    asks.Transfer: money.transfer,
    asks.Bulk: money.bulk,
    asks.Reversal: money.reversal,
    asks.Hold: holds.hold,
    asks.Capture: holds.capture,
    asks.Void: holds.void,
    asks.Expire: holds.expire,
    asks.Schedule: schedules.schedule,
    asks.CancelSchedule: schedules.cancel_schedule,
}

__all__ = ["RULES", "Books", "Effect", "Refusal", "Verdict"]
