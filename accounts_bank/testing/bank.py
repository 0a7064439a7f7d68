"""A bank of its own for one test."""

from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from accounts_bank.http.banks import PREFIX
from accounts_bank.identity import Role
from accounts_bank.testing.client import Client, Refusal
from accounts_bank.testing.clock import Clock, text_of
from accounts_bank.testing.faults import Faults
from accounts_bank.testing.servers import Server, in_process

SANDBOX = "/v1/sandbox"
BANKS = f"{SANDBOX}/banks"


class BankWrong(AssertionError):
    """The books of a bank do not prove themselves; the text names the first fault."""


class Bank:
    """A bank that exists until `close`. As a context manager it proves itself at the end.

    :ivar id: the id of the bank.
    :ivar url: the base of its API and its pages.
    :ivar admin: a client that may do what the sandbox allows.
    :ivar clock: its time.
    :ivar faults: requests that go wrong on purpose.
    """

    def __init__(
        self,
        *,
        seed: int | str | None = None,
        now: datetime | str | None = None,
        server: Server | None = None,
    ) -> None:
        """Make a bank.

        :param seed: the same seed, time and calls make the same ids; None for random ids.
        :param now: the time at which its clock stands (RFC 3339, or with a zone); None for real
            time.
        :param server: the process that has the bank; None for this one, without a socket.
        :raises Refusal: the server has no sandbox, or no room.
        """
        self._server = server or in_process()
        plan = {"seed": seed, "now": None if now is None else text_of(now)}
        body = {name: value for name, value in plan.items() if value is not None}
        made = self._server.client.post(BANKS, body)
        self.id: str = made.id
        self._path = PREFIX + self.id
        self.url = self._server.url + self._path
        self.admin = Client(self._server.transport, self._path, made.admin_token)
        self.clock = Clock(self.admin)
        self.faults = Faults(self.admin)
        self._snapshots = 0

    def customer(
        self,
        name: str,
        *,
        balance_minor: int = 0,
        currency: str = "EUR",
        account: str = "Main",
    ) -> Client:
        """Add a customer with one account; return a client with a token.

        :param name: the username.
        :param balance_minor: paid into the account, in minor units.
        :param currency: of the account, ISO 4217.
        :param account: the name of the account.
        :raises Refusal: the username is taken, or a value is wrong.
        """
        opened = {"name": account, "currency": currency, "balance_minor": balance_minor}
        return self._joined(username=name, accounts=[opened])

    def staff(self, name: str, role: str) -> Client:
        """Add a `teller`, an `auditor` or an `admin`; return a client with a token."""
        return self._joined(username=name, role=Role(role).value)

    def anyone(self) -> Client:
        """Return a client without a token."""
        return Client(self._server.transport, self._path)

    def snapshot(self, name: str | None = None) -> str:
        """Keep the state of the whole bank; return the name of the snapshot."""
        if name is None:
            self._snapshots += 1
            name = f"snapshot-{self._snapshots}"
        self.admin.put(f"{SANDBOX}/snapshots/{name}")
        return name

    def restore(self, name: str) -> None:
        """Set the whole bank back to a snapshot; tokens of its users stay valid."""
        self.admin.post(f"{SANDBOX}/snapshots/{name}/restore")

    def reset(self, to: str = "seed") -> None:
        """Go back to `seed` (the bank as it was made), `empty` or a snapshot."""
        self.admin.post(f"{SANDBOX}/reset", {"to": to})

    def digest(self) -> str:
        """Return one hash of books and users; equal states have equal digests."""
        return str(self.admin.get(f"{SANDBOX}/digest").digest)

    def prove(self) -> None:
        """Prove the books: sums are zero, balances equal lines, no balance is below its floor.

        :raises BankWrong: they are wrong.
        """
        report = self.admin.get(f"{SANDBOX}/integrity")
        if not report.ok:
            raise BankWrong(f"The books of the bank are wrong: {report.fault}.")

    def close(self) -> None:
        """Delete the bank; a deleted one stays deleted."""
        with suppress(Refusal):
            self._server.client.delete(f"{BANKS}/{self.id}")

    def __enter__(self) -> Self:
        """Return the bank."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Prove the books unless the block failed, then delete the bank."""
        try:
            if error is None:
                self.prove()
        finally:
            self.close()

    def _joined(self, **user: Any) -> Client:
        made = self.admin.post(f"{SANDBOX}/users", user)
        return Client(self._server.transport, self._path, made.access_token, made)
