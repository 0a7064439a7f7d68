"""Sign-up, sign-in and new passwords, with the rate limits that the API and the pages share."""

from accounts_bank.errors import InvalidCredentials
from accounts_bank.http.addresses import network
from accounts_bank.http.bank import Bank
from accounts_bank.identity import Caller, Device, Session, User, username_key


def begin_session(
    bank: Bank, device: Device, username: str, password: str, known_user_id: str = ""
) -> tuple[User, Session]:
    """Sign a user in, and count each failure.

    Failures of an account slow further tries from all devices that it does not know.

    :param device: the client.
    :param known_user_id: the user that signed in on this device before, "" for none.
    :raises InvalidCredentials: the username or the password is wrong.
    :raises TooManyRequests: too many sign-ins failed, or came from this address.
    """
    bank.limits.login_address.spend(device.address)
    name = username_key(username)
    if known_user_id and any(each.id == known_user_id for each in bank.users.find(username)):
        with bank.limits.device.one(known_user_id):
            signed_in = bank.users.login(username, password, device)
    else:
        signed_in = _from_unknown_device(bank, device, username, password)
    bank.limits.account.forgive(name)
    return signed_in


def _from_unknown_device(
    bank: Bank, device: Device, username: str, password: str
) -> tuple[User, Session]:
    name = username_key(username)
    bank.limits.account.check(name)
    try:
        with bank.limits.login.one(network(device.address), name):
            return bank.users.login(username, password, device)
    except InvalidCredentials:
        bank.limits.account.failed(name)
        raise


def add_customer(
    bank: Bank, address: str, username: str, password: str, full_name: str | None
) -> User:
    """Add a customer, and count the sign-ups of each address.

    :raises UsernameTaken: another user has a name that compares equal.
    :raises TooManyRequests: too many signed up from this address.
    """
    bank.limits.sign_up.spend(address)
    return bank.users.sign_up(username, password, full_name)


def change_password(bank: Bank, caller: Caller, current: str, new: str) -> None:
    """Change the caller's password, and count each failure.

    :raises InvalidCredentials: the current password is wrong.
    :raises TooManyRequests: too many tries failed.
    """
    with bank.limits.login.one("password", caller.id):
        bank.users.change_password(caller, current, new)


def delete_user(bank: Bank, caller: Caller, current: str) -> None:
    """Delete the caller that proves its password, and count each failure.

    :raises InvalidCredentials: the password is wrong.
    :raises Refused: `accounts_open`, the caller has accounts that are not closed.
    :raises TooManyRequests: too many tries failed.
    """
    with bank.limits.login.one("password", caller.id):
        bank.users.prove(caller, current)
    bank.users.delete(caller)
