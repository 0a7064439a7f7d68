"""Sign-up, sign-in and new passwords, with the rate limits that the API and the pages share."""

from accounts_bank.errors import InvalidCredentials
from accounts_bank.http.addresses import network
from accounts_bank.http.bank import Bank
from accounts_bank.identity import Caller, Session, User, username_key


def begin_session(bank: Bank, address: str, username: str, password: str) -> tuple[User, Session]:
    """Sign a user in, and count each failure.

    :raises InvalidCredentials: the username or the password is wrong.
    :raises TooManyRequests: too many sign-ins failed.
    """
    address = network(address)
    bank.limits.login_address.check(address)
    try:
        with bank.limits.login.one(address, username_key(username)):
            return bank.users.login(username, password)
    except InvalidCredentials:
        bank.limits.login_address.spend(address)
        raise


def add_customer(
    bank: Bank, address: str, username: str, password: str, full_name: str | None
) -> User:
    """Add a customer, and count the sign-ups of each address.

    :raises UsernameTaken: another user has a name that compares equal.
    :raises TooManyRequests: too many signed up from this address.
    """
    bank.limits.sign_up.spend(network(address))
    return bank.users.sign_up(username, password, full_name)


def change_password(bank: Bank, caller: Caller, current: str, new: str) -> None:
    """Change the caller's password, and count each failure.

    :raises InvalidCredentials: the current password is wrong.
    :raises TooManyRequests: too many tries failed.
    """
    with bank.limits.login.one("password", caller.id):
        bank.users.change_password(caller, current, new)
