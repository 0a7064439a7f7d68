"""Reversals: the money of a transfer goes back, in full or in part."""

from collections.abc import Callable
from typing import NoReturn

from msgspec.structs import replace

from accounts_bank.collections.approvals import Approvals
from accounts_bank.collections.client import EntryDetails, LedgerClient, PagePosition
from accounts_bank.collections.permissions import Permission, may
from accounts_bank.errors import Forbidden, OwnAccount
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Reversal

ReadEntry = Callable[[Caller, str, str], EntryDetails]
"""Reads an entry by its kind and id, if the caller may read it."""


class Reversals:
    """The reversals of transfers. Every method may raise `Unavailable`."""

    def __init__(self, client: LedgerClient, read: ReadEntry, approvals: Approvals) -> None:
        """Take the client of the ledger, `AccountCollection.entry` and the approvals."""
        self._client = client
        self._read = read
        self._approvals = approvals

    def create(  # noqa: PLR0913 - the parts of a reversal request
        self,
        caller: Caller,
        transfer_id: str,
        key: str | None,
        *,
        amount_minor: int | None = None,
        reference: str | None = None,
        dry_run: bool = False,
    ) -> EntryDetails:
        """Reverse a transfer, in full or in part.

        :param amount_minor: the amount to send back in minor units; None means all that is left.
        :param key: the idempotency key; a repeated key returns the first outcome.
        :param dry_run: decide without saving.
        :raises NotFound: there is no such transfer, or the caller may not read it.
        :raises Forbidden: the caller is not the payee and lacks REVERSE_ANY.
        :raises AwaitsApproval: the caller is not the payee, and a second person must grant it.
        :raises OwnAccount: the money would come back to the caller, by REVERSE_ANY.
        :raises Refused: a rule of the ledger refuses it.
        """
        sent = self._read(caller, "transfer", transfer_id)
        if not self.may_create(caller, sent):
            self._refuse(caller)
        paid, received = sent.recorded.lines
        action = Reversal(
            transfer_id=sent.recorded.entry.id,
            from_account=received.account_id,
            to_account=paid.account_id,
            amount_minor=amount_minor,
            reference=reference,
        )
        if not dry_run and not sent.own_lines[1]:
            self._approvals.ask_if_needed(caller, action, key)
        outcome = self._client.submit(caller, action, key, dry_run=dry_run)
        (details,) = self._client.with_details(caller, [outcome.recorded])
        return replace(details, replayed=outcome.replayed)

    def may_create(self, caller: Caller, transfer: EntryDetails) -> bool:
        """Return whether a caller that may read a transfer may also reverse it.

        Staff does not reverse a transfer that it paid itself.
        """
        paid, received = transfer.own_lines
        return received or (not paid and may(caller.role, Permission.REVERSE_ANY))

    @staticmethod
    def _refuse(caller: Caller) -> NoReturn:
        if may(caller.role, Permission.REVERSE_ANY):
            raise OwnAccount
        raise Forbidden("Only the payee and tellers reverse a transfer.")

    def of(
        self, caller: Caller, transfer_id: str, *, before: PagePosition, limit: int
    ) -> list[EntryDetails]:
        """Return a page of the reversals of a transfer, newest first.

        :param before: the time and id of the last reversal of the previous page.
        :param limit: the largest number of reversals.
        :raises NotFound: there is no such transfer, or the caller may not read it.
        """
        sent = self._read(caller, "transfer", transfer_id).recorded.entry.id
        found = self._client.store.entries_of(sent, "reversal", before=before, limit=limit)
        return self._client.with_details(caller, found)
