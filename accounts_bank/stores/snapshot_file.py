"""A snapshot of a bank as one file: a line of JSON for each batch, streamed.

    {"format": "accounts-bank snapshot", "version": 2, "parts": {...}, "bank_id": ..., "head": ...}
    ["users", [...]]          ["books", {...}]          ["numbers", [...], [...]]
    ["end", "SHA-256 of the lines before"]

`parts` holds the state beside the books, such as the clock. Passwords are in it as hashes.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Raw, Struct

from accounts_bank.errors import SettingsError
from accounts_bank.identity import Event, User
from accounts_bank.ledger.actions import Deposit, Withdrawal
from accounts_bank.ledger.entries import Changes, Needs, Recorded
from accounts_bank.ledger.sealing import JournalHead, Numbered
from accounts_bank.ledger.values import BANK_ID, Account, Customer, EntryRef, Progress
from accounts_bank.stores.backend import Stores
from accounts_bank.stores.migration import changes_of, numbers, pages

FORMAT, VERSION = "accounts-bank snapshot", 2
CASH_LISTED_SINCE = 2
"""The first version in which deposits and withdrawals are listed under their customers."""
_DAMAGED = "The file is no whole snapshot of a bank: download it again."


class _Header(Struct, frozen=True):
    format: str
    version: int
    parts: dict[str, Any]
    bank_id: str
    head: JournalHead
    cursors: dict[str, int]


class _Books(Struct, frozen=True, omit_defaults=True):
    accounts: list[Account] = []
    customers: list[Customer] = []
    recorded: list[Recorded] = []
    progress: list[Progress] = []
    entry_refs: list[EntryRef] = []


def lines_of(stores: Stores, parts: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield the lines of a snapshot. The stores have sealed everything and do not change.

    :param parts: the state beside the books, by name, as JSON can hold it.
    """
    hashed = sha256()
    for part in _parts(stores, parts):
        line = msgspec.json.encode(part) + b"\n"
        hashed.update(line)
        yield line
    yield msgspec.json.encode(["end", hashed.hexdigest()]) + b"\n"


def load_lines(lines: Iterable[bytes], stores: Stores) -> dict[str, Any]:
    """Save a snapshot in empty stores, as it is; return the state beside the books.

    :raises SettingsError: the lines are no whole snapshot of this version.
    """
    try:
        return _load(iter(lines), stores)
    except (msgspec.MsgspecError, UnicodeDecodeError, StopIteration) as error:
        raise SettingsError(_DAMAGED) from error


def _parts(stores: Stores, parts: Mapping[str, Any]) -> Iterator[Any]:
    journal = stores.journal
    ends = journal.bank_id, journal.head(), journal.cursors()
    yield _Header(FORMAT, VERSION, dict(parts), *ends)
    for users in pages(stores.users):
        yield "users", users
    with stores.accounts.ledger() as ledger:
        for changes in changes_of(ledger):
            yield "books", msgspec.convert(changes, _Books, from_attributes=True)
    for rows in numbers(journal):
        items = journal.items(rows).values()
        yield "numbers", rows, [item for item in items if isinstance(item, Event)]


def _load(lines: Iterator[bytes], stores: Stores) -> dict[str, Any]:
    first = next(lines)
    hashed, header = sha256(first), msgspec.json.decode(first, type=_Header)
    if header.format != FORMAT or not 1 <= header.version <= VERSION:
        raise SettingsError(f"The snapshot has version {header.version}: use that version.")
    for line in lines:
        kind, *values = msgspec.json.decode(line, type=list[Raw])
        name = msgspec.json.decode(kind, type=str)
        if name == "end":
            if msgspec.json.decode(values[0], type=str) != hashed.hexdigest():
                break
            stores.journal.restore_head(header.bank_id, header.head, header.cursors)
            return header.parts
        hashed.update(line)
        _save(stores, name, values, lists_cash=header.version < CASH_LISTED_SINCE)
    raise SettingsError(_DAMAGED)


def _save(stores: Stores, name: str, values: list[Raw], *, lists_cash: bool) -> None:
    if name == "users":
        stores.users.restore(msgspec.json.decode(values[0], type=list[User]))
    elif name == "books":
        books = msgspec.json.decode(values[0], type=_Books)
        accounts, customers, recorded = books.accounts, books.customers, books.recorded
        refs = books.entry_refs + (_cash_refs(stores, recorded) if lists_cash else [])
        stores.accounts.restore(Changes([], accounts, customers, recorded, books.progress, refs))
    else:
        stores.users.restore([], msgspec.json.decode(values[1], type=list[Event]))
        stores.journal.restore(msgspec.json.decode(values[0], type=list[Numbered]))


def _cash_refs(stores: Stores, recorded: list[Recorded]) -> list[EntryRef]:
    """List deposits and withdrawals under the owners of their accounts, which came before."""
    lines = [
        line
        for each in recorded
        if isinstance(each.entry.action, Deposit | Withdrawal)
        for line in each.lines
    ]
    accounts = stores.accounts.load(Needs(frozenset(line.account_id for line in lines))).accounts
    owned = [(accounts[line.account_id].owner_id, line) for line in lines]
    return [
        EntryRef(owner_id, line.kind, line.at, line.entry_id)
        for owner_id, line in owned
        if owner_id != BANK_ID
    ]
