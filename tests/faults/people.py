"""The people of a run: two customers with accounts, a teller, an auditor."""

from collections.abc import Callable
from typing import NamedTuple

from tests.faults.clients import CashClient, Client, Customer
from tests.faults.history import Call, Effect, History, Try
from tests.faults.transport import Transport
from tests.helpers import PASSWORD

STAFF = [{"username": each, "role": each, "password": PASSWORD} for each in ("teller", "auditor")]
CIRCLE, CASH = 4, 3
OPENING_MINOR, CREDIT_MINOR = 1_000, 500


class People(NamedTuple):
    """Ada pays between her own accounts alone, so that her total stays; Bob pays in and out."""

    ada: Customer
    bob: Customer
    teller: str
    auditor: str

    @property
    def customers(self) -> list[Customer]:
        return [self.ada, self.bob]


def set_up(transport: Transport, history: History) -> People:
    """Sign everybody in, open the accounts, and pay in."""
    teller, auditor = (signed_in(transport, each["username"]) for each in STAFF)

    def joined(name: str, count: int) -> Customer:
        wish = {"username": name, "password": PASSWORD}
        assert transport.send("POST", "/v1/users", wish).status == 201
        token = signed_in(transport, name)
        ids = tuple(opened(transport, history, token, f"{name}-{n}") for n in range(count))
        return Customer(name, token, teller, ids)

    people = People(joined("ada", CIRCLE), joined("bob", CASH), teller, auditor)
    indebted, limit = people.bob.accounts[0], {"credit_limit_minor": CREDIT_MINOR}
    path = f"/v1/accounts/{indebted}/credit-limit"
    assert transport.send("PUT", path, limit, token=teller).status == 200
    history.credit_minor[indebted] = CREDIT_MINOR
    return people


def signed_in(transport: Transport, username: str) -> str:
    wish = {"username": username, "password": PASSWORD}
    answer = transport.send("POST", "/v1/auth/login", wish)
    assert answer.status == 200, answer
    return str(answer.body["access_token"])


def opened(transport: Transport, history: History, token: str, key: str) -> str:
    """Open an account and pay in; the deposit is part of the history."""
    account = transport.send("POST", "/v1/accounts", {"name": key, "currency": "EUR"}, token=token)
    account_id = str(account.body["id"])
    cash = {"account": account_id, "amount_minor": OPENING_MINOR, "currency": "EUR"}
    effects = (Effect(key, ((account_id, OPENING_MINOR),)),)
    call = Call(-1, key, "deposit", "/v1/deposits", cash | {"reference": key}, effects)
    history.begin(call)
    answer = transport.send("POST", call.path, call.body, token=token, key=key)
    assert answer.status == 201, answer
    history.end(call, Try(call.began_s, call.began_s, answer))
    return account_id


def clients_of(
    people: People, count: int, history: History, transport: Callable[[int], Transport]
) -> list[Client]:
    """Make clients, one half for each customer."""
    kinds = ((Client, people.ada), (CashClient, people.bob))
    return [kinds[n % 2][0](n, kinds[n % 2][1], transport(n), history) for n in range(count)]
