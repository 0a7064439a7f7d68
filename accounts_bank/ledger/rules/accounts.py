"""The rules of accounts: open, rename, freeze, limit and close them; let a customer go."""

from msgspec.structs import replace

from accounts_bank.ledger.actions import (
    CloseAccount,
    FreezeAccount,
    Leave,
    OpenAccount,
    RenameAccount,
    SetCreditLimit,
    SetDailyLimit,
    UnfreezeAccount,
)
from accounts_bank.ledger.entries import Entry
from accounts_bank.ledger.iban import numbers_for
from accounts_bank.ledger.rules.checks import (
    covers,
    customers,
    has_room,
    not_closed,
    not_frozen,
)
from accounts_bank.ledger.rules.verdicts import Books, Effect, Refusal, Verdict
from accounts_bank.ledger.values import Account, AccountStatus, Customer, Status


def open_account(books: Books, entry: Entry, ask: OpenAccount) -> Verdict:
    """Open an account under the first of its candidate numbers that is free."""
    customer = _customer(books, ask.owner_id)
    if customer.left:
        return Refusal(Status.CUSTOMER_LEFT)
    free = [number for number in numbers_for(entry.id) if books.accounts.get(number) is None]
    if not free:
        return Refusal(Status.NUMBERS_EXHAUSTED)
    opened = Account(
        id=entry.id,
        number=free[0],
        owner_id=ask.owner_id,
        name=ask.name,
        currency=ask.currency,
        created_at=entry.at,
        moved_at=entry.at,
    )
    return Effect(
        account=opened, customer=replace(customer, open_accounts=customer.open_accounts + 1)
    )


def rename_account(books: Books, _entry: Entry, ask: RenameAccount) -> Verdict:
    """Rename an account that is not closed."""
    account = customers(books, ask.account)
    if account is None:
        return Refusal(Status.ACCOUNT_UNKNOWN)
    if ask.expected_name not in {None, account.name}:
        return not_closed(account) or Refusal(Status.PRECONDITION_FAILED)
    return not_closed(account) or Effect(account=replace(account, name=ask.name))


def close_account(books: Books, _entry: Entry, ask: CloseAccount) -> Verdict:
    """Close an account that holds nothing; one that is closed stays closed."""
    account, customer = customers(books, ask.account), _customer(books, ask.owner_id)
    if account is None or account.owner_id != customer.id:
        return Refusal(Status.ACCOUNT_UNKNOWN)
    if account.status is AccountStatus.CLOSED:
        return Effect()
    return (
        not_frozen(account)
        or _nothing_held(account)
        or _empty(account)
        or Effect(
            account=replace(account, status=AccountStatus.CLOSED),
            customer=replace(customer, open_accounts=customer.open_accounts - 1),
        )
    )


def freeze_account(books: Books, _entry: Entry, ask: FreezeAccount) -> Verdict:
    """Freeze an account that is not closed; one that is frozen stays frozen."""
    return _with_status(books, ask.account, AccountStatus.FROZEN)


def unfreeze_account(books: Books, _entry: Entry, ask: UnfreezeAccount) -> Verdict:
    """Open a frozen account again; one that is open stays open."""
    return _with_status(books, ask.account, AccountStatus.OPEN)


def set_credit_limit(books: Books, _entry: Entry, ask: SetCreditLimit) -> Verdict:
    """Move the floor of an account, but not above what is there and not held."""
    account = customers(books, ask.account)
    if account is None:
        return Refusal(Status.ACCOUNT_UNKNOWN)
    limited = replace(account, floor_minor=-ask.credit_limit_minor)
    return (
        not_closed(account) or covers(limited, 0) or has_room(limited, 0) or Effect(account=limited)
    )


def set_daily_limit(books: Books, _entry: Entry, ask: SetDailyLimit) -> Verdict:
    """Limit what may leave an account in a day; what left it before the first limit is free."""
    account = customers(books, ask.account)
    if account is None:
        return Refusal(Status.ACCOUNT_UNKNOWN)
    limited = replace(account, daily_limit_minor=ask.daily_limit_minor)
    return not_closed(account) or Effect(account=limited)


def leave(books: Books, _entry: Entry, ask: Leave) -> Verdict:
    """Let a customer go who has no open account; one who has left may leave again."""
    customer = _customer(books, ask.owner_id)
    if customer.open_accounts:
        return Refusal(Status.ACCOUNTS_OPEN, (("open_accounts", customer.open_accounts),))
    return Effect(customer=replace(customer, left=True))


def _customer(books: Books, customer_id: str) -> Customer:
    return books.customers.get(customer_id) or Customer(customer_id)


def _with_status(books: Books, name: str, status: AccountStatus) -> Verdict:
    account = customers(books, name)
    if account is None:
        return Refusal(Status.ACCOUNT_UNKNOWN)
    return not_closed(account) or Effect(account=replace(account, status=status))


def _nothing_held(account: Account) -> Refusal | None:
    if account.held_minor:
        return Refusal(Status.HOLDS_OPEN, (("held_minor", account.held_minor),))
    return None


def _empty(account: Account) -> Refusal | None:
    if account.balance_minor:
        return Refusal(Status.BALANCE_NOT_ZERO, (("balance_minor", account.balance_minor),))
    return None
