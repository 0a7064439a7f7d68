"""Every error of this package. `accounts_bank/api/problems.py` alone maps them to HTTP.

ApiError
├── InvalidRequest          the request cannot be parsed
├── UnsupportedMediaType    the body is not JSON
├── InvalidCredentials      the username or the password is wrong
├── InvalidToken            the token is missing, broken, expired or of an ended session
├── Forbidden               the caller's role lacks the permission
├── OwnAccount              staff acts on an account of its own
├── NotFound                the resource does not exist, or belongs to another user
├── NotAcceptable           no form of the resource fits `Accept`
├── PasswordWeak            the new password is common, or little more than a name
├── UsernameNotAllowed      the new username has characters that deceive
├── UsernameTaken           another user has that username, or one that looks like it
├── ScopeMissing            the key lacks the scope that opens the operation
├── ApiKeysFull             the user has as many keys for programs as a user may have
├── LastAdmin               one admin must remain
├── PreconditionFailed      the resource changed since the caller read it
├── Refused                 a rule of the ledger refused the entry
├── TooManyRequests         a rate limit is used up
├── NotDecided              the store did not do the call
│   ├── Unavailable         nothing was lost; send it again with the same key
│   └── Damaged             the database is corrupt; an operator restores a backup
├── ClockBackward           the clock of a sandbox never moves back
├── SandboxFull             there are as many sandbox banks or snapshots as there may be
├── BulkTooLarge            the store cannot take so many transfers in one commit
└── SettingsError           the bank cannot start with these settings
    └── NoBank              a command that reads a bank finds none

AwaitsApproval is no error: a second person must grant the action.
"""

import errno
from datetime import datetime

from accounts_bank.ledger.entries import Outcome
from accounts_bank.ledger.values import Status

REASONS = {
    Status.KEY_REUSED: "Another request has this idempotency key. Send a new key.",
    Status.NOT_FOUND: "The account to pay from does not exist, or it belongs to another user.",
    Status.CUSTOMER_LEFT: "This customer has left the bank.",
    Status.NUMBERS_EXHAUSTED: "No account number is free. Send the request again.",
    Status.SAME_ACCOUNT: "The two accounts are the same. Choose another account.",
    Status.ACCOUNT_UNKNOWN: "The account to pay to does not exist. Check its number.",
    Status.ENTRY_UNKNOWN: "The entry does not exist.",
    Status.OWN_APPROVAL: "You asked for this yourself. A second person decides it.",
    Status.APPROVAL_GRANTED: "The approval was granted already.",
    Status.APPROVAL_REFUSED: "The approval was refused already.",
    Status.APPROVAL_EXPIRED: "The approval has expired. Ask for it again.",
    Status.HOLD_CAPTURED: "The hold was captured already.",
    Status.HOLD_VOIDED: "The hold was voided already.",
    Status.HOLD_EXPIRED: "The hold has expired. Create another hold.",
    Status.SCHEDULE_ENDED: "The schedule has ended.",
    Status.FIRST_RUN_PAST: "Send a time that is not past.",
    Status.ACCOUNT_CLOSED: "The account is closed.",
    Status.PRECONDITION_FAILED: "The resource has changed since you read it. Read it again.",
    Status.ACCOUNT_FROZEN: "The account is frozen: a teller can unfreeze it.",
    Status.CURRENCY_MISMATCH: "The account has another currency. Choose one of the same currency.",
    Status.CAPTURE_TOO_LARGE: "The hold is smaller. Capture its amount or less.",
    Status.REVERSAL_TOO_LARGE: "The rest of the transfer is smaller. Send back less.",
    Status.FUNDS_INSUFFICIENT: "The account does not hold enough.",
    Status.LIMIT_EXCEEDED: (
        "The amount passes the daily limit of the account or the key, or the most that an account "
        "can hold."
    ),
    Status.HOLDS_OPEN: "The account has open holds. Wait until they end.",
    Status.BALANCE_NOT_ZERO: "The balance is not zero. Withdraw the money or pay the debt first.",
    Status.ACCOUNTS_OPEN: "The customer has open accounts. Close them first.",
    Status.BULK_STOPPED: "The bank did not try this transfer, because it refused one before it.",
    Status.BULK_ABORTED: "The bank made no transfer of the bulk, because it refused one.",
}
"""The detail of each refusal, by its status."""

UNTOLD = frozenset(
    {Status.NOT_FOUND, Status.NUMBERS_EXHAUSTED, Status.ENTRY_UNKNOWN, Status.FIRST_RUN_PAST}
)
"""Statuses that callers never see: another error replaces them."""


class ApiError(Exception):
    """An error that a caller can act upon.

    `code` is stable and documented. `detail` describes this case. `extra` holds fields that help
    to fix it, by name.
    """

    code: str

    def __init__(self, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class InvalidRequest(ApiError):
    """The request cannot be parsed."""

    code = "invalid_request"

    def __init__(self, detail: str, *, pointer: str = "", replayed: bool = False) -> None:
        """Name the faulty part by a JSON pointer (RFC 6901), "" being the whole.

        `replayed` says that the ledger refused an earlier request with the same key so.
        """
        super().__init__(
            "The request is not valid.", errors=[{"pointer": pointer, "detail": detail}]
        )
        self.replayed = replayed


class UnsupportedMediaType(ApiError):
    """The content type of the body is not JSON."""

    code = "unsupported_media_type"


class InvalidCredentials(ApiError):
    """The username or the password is wrong. The error does not say which."""

    code = "invalid_credentials"

    def __init__(self) -> None:
        super().__init__("The username or the password is wrong.")


class InvalidToken(ApiError):
    """The token is missing, broken, expired or of an ended session."""

    code = "invalid_token"


class PasswordWeak(ApiError):
    """The new password is common, or little more than a name."""

    code = "password_weak"


class UsernameNotAllowed(ApiError):
    """The new username has characters that are invisible or of several scripts."""

    code = "username_not_allowed"


class Forbidden(ApiError):
    """The caller's role lacks the permission."""

    code = "forbidden"


class ScopeMissing(ApiError):
    """The key lacks the scope that opens the operation, or no scope opens it."""

    code = "scope_missing"

    def __init__(self, scope: str | None) -> None:
        detail = (
            "No key opens this. Sign in with a password."
            if scope is None
            else f"The key lacks the scope `{scope}`. Make a key that has it."
        )
        super().__init__(detail, scope=scope)


class ApiKeysFull(ApiError):
    """The user has as many keys for programs as a user may have."""

    code = "api_keys_full"


class OwnAccount(ApiError):
    """Staff acts on an account of its own, which another member of staff must do."""

    code = "own_account"

    def __init__(self) -> None:
        super().__init__("This account is your own. Ask another teller.")


class AwaitsApproval(Exception):
    """A second person must grant the action; its request is recorded. It is answered with 202.

    :param stage: the present stage of the request; a repeated request may find it decided.
    """

    def __init__(
        self, approval_id: str, stage: str, expires_at: datetime, *, replayed: bool
    ) -> None:
        super().__init__(f"Approval {approval_id} is {stage}.")
        self.approval_id = approval_id
        self.stage = stage
        self.expires_at = expires_at
        self.replayed = replayed


class NotFound(ApiError):
    """The resource does not exist, or belongs to another user. The error does not say which."""

    code = "not_found"

    def __init__(self) -> None:
        super().__init__("The resource does not exist, or it belongs to another user.")


class UsernameTaken(ApiError):
    """Another user has that username."""

    code = "username_taken"

    def __init__(self) -> None:
        super().__init__("Another user has that username. Choose another one.")


class NotAcceptable(ApiError):
    """No form of the resource fits `Accept`."""

    code = "not_acceptable"


class LastAdmin(ApiError):
    """One admin must remain to manage roles."""

    code = "last_admin"

    def __init__(self) -> None:
        super().__init__("This is the last admin. Make another user an admin first.")


class PreconditionFailed(ApiError):
    """The resource changed since the caller read it."""

    code = "precondition_failed"

    def __init__(self) -> None:
        super().__init__(REASONS[Status.PRECONDITION_FAILED])


class Refused(ApiError):
    """A rule of the ledger refused the entry; the code is the entry's status."""

    def __init__(self, outcome: Outcome) -> None:
        """Take the details and the replay flag from an outcome."""
        details = dict(outcome.recorded.details)
        super().__init__(REASONS[outcome.status], **details)
        self.code = outcome.status.value
        self.replayed = outcome.replayed


class TooManyRequests(ApiError):
    """A rate limit is used up; `retry_after_s` says when to come back."""

    code = "rate_limited"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("Too many requests: wait before you send the next one.")
        self.retry_after_s = retry_after_s


class NotDecided(ApiError):
    """The store did not do the call; a reason of its own, not of the request."""


class Unavailable(NotDecided):
    """Not decided: nothing was lost, send it again with the same key."""

    code = "unavailable"

    def __init__(self, detail: str, *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class ClockBackward(ApiError):
    """The clock of a sandbox bank never moves back."""

    code = "clock_backward"

    def __init__(self) -> None:
        super().__init__("The bank's clock is later. Restore a snapshot to go back.")


class SandboxFull(ApiError):
    """There are as many sandbox banks or snapshots as there may be."""

    code = "sandbox_full"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.retry_after_s = 60


class Damaged(NotDecided):
    """The database says that it is corrupt. No retry helps: an operator restores a backup."""

    code = "damaged"


class BulkTooLarge(ApiError):
    """Not decided, and it never will be: the store cannot take so much in one commit."""

    code = "bulk_too_large"


class SettingsError(ApiError):
    """The bank cannot start with these settings; the detail names the fix."""

    code = "settings_invalid"


_SHORTAGES = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EAGAIN}
)


def is_shortage(error: BaseException) -> bool:
    """Return whether the process lacks memory, threads, file descriptors or disk for a moment."""
    if isinstance(error, OSError):
        return error.errno in _SHORTAGES
    no_thread = isinstance(error, RuntimeError) and "start new thread" in str(error)
    return no_thread or isinstance(error, MemoryError)


class NoBank(SettingsError):
    """The store of a command that reads a bank holds none, or is not there."""
