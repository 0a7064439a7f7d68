"""Actions: the things that the ledger can do, one module each.

The module of an action holds its fields, the names that it touches and its rule. `Action` is the
one list of them; the kinds, the needs and the rules follow from it. The tag of an action is its
kind in the journal, in statements and in the audit log. Tags and the order of fields are part of
the journal's digests, so they never change.
"""

from accounts_bank.ledger.actions.ask_approval import Approvable, AskApproval
from accounts_bank.ledger.actions.bulk import Bulk, BulkMode
from accounts_bank.ledger.actions.cancel_schedule import CancelSchedule
from accounts_bank.ledger.actions.capture import Capture
from accounts_bank.ledger.actions.change_account import ChangeAccount
from accounts_bank.ledger.actions.close_account import CloseAccount
from accounts_bank.ledger.actions.deposit import Deposit
from accounts_bank.ledger.actions.expire import Expire
from accounts_bank.ledger.actions.freeze_account import FreezeAccount
from accounts_bank.ledger.actions.grant_approval import GrantApproval
from accounts_bank.ledger.actions.hold import Hold
from accounts_bank.ledger.actions.leave import Leave
from accounts_bank.ledger.actions.open_account import OpenAccount
from accounts_bank.ledger.actions.refuse_approval import RefuseApproval
from accounts_bank.ledger.actions.rename_account import RenameAccount
from accounts_bank.ledger.actions.reversal import Reversal
from accounts_bank.ledger.actions.schedule import Every, Schedule
from accounts_bank.ledger.actions.set_credit_limit import SetCreditLimit
from accounts_bank.ledger.actions.set_daily_limit import SetDailyLimit
from accounts_bank.ledger.actions.set_role import SetRole
from accounts_bank.ledger.actions.transfer import Transfer
from accounts_bank.ledger.actions.unfreeze_account import UnfreezeAccount
from accounts_bank.ledger.actions.void import Void
from accounts_bank.ledger.actions.withdrawal import Withdrawal

Action = (
    OpenAccount
    | RenameAccount
    | ChangeAccount
    | CloseAccount
    | FreezeAccount
    | UnfreezeAccount
    | SetCreditLimit
    | SetDailyLimit
    | Leave
    | Deposit
    | Withdrawal
    | Transfer
    | Bulk
    | Reversal
    | Hold
    | Capture
    | Void
    | Expire
    | Schedule
    | CancelSchedule
    | SetRole
    | AskApproval
    | GrantApproval
    | RefuseApproval
)

__all__ = [
    "Action",
    "Approvable",
    "AskApproval",
    "Bulk",
    "BulkMode",
    "CancelSchedule",
    "Capture",
    "ChangeAccount",
    "CloseAccount",
    "Deposit",
    "Every",
    "Expire",
    "FreezeAccount",
    "GrantApproval",
    "Hold",
    "Leave",
    "OpenAccount",
    "RefuseApproval",
    "RenameAccount",
    "Reversal",
    "Schedule",
    "SetCreditLimit",
    "SetDailyLimit",
    "SetRole",
    "Transfer",
    "UnfreezeAccount",
    "Void",
    "Withdrawal",
]
