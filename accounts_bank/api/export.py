"""Everything that the bank keeps of one user, as a ZIP that is written while it is read.

user.json  sessions.json
accounts.json  transfers.json  holds.json  schedules.json, and the same as .csv
statements/<number>.json, and the same as .csv: all lines of an account
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import msgspec
from msgspec import Struct

from accounts_bank.api.schemas.accounts import AccountView, account_view
from accounts_bank.api.schemas.holds import HoldView, hold_view
from accounts_bank.api.schemas.money import TransferView
from accounts_bank.api.schemas.schedules import ScheduleView, schedule_view
from accounts_bank.api.schemas.users import session_view, user_view
from accounts_bank.api.statements import as_csv, as_json
from accounts_bank.api.transfer_operations import seen_view
from accounts_bank.http.bank import Bank
from accounts_bank.identity import Caller
from accounts_bank.ledger.values import Account, Period

PAGE_ITEMS = 100
"""The number of items in memory at once."""

Part = tuple[str, Iterator[bytes]]
"""The name of a file and its content, in chunks."""


class _Table(Struct, frozen=True):
    """A list as two files: its name, the struct of a row, and a reader of its pages."""

    name: str
    kind: type[Struct]
    pages: Callable[[], Iterator[list[Any]]]

    def parts(self) -> Iterator[Part]:
        """Yield the two files."""
        yield f"{self.name}.json", _as_json(self.pages())
        yield f"{self.name}.csv", self._as_csv()

    def _as_csv(self) -> Iterator[bytes]:
        yield as_csv.rows([self.kind.__struct_fields__])
        for page in self.pages():
            read = [msgspec.to_builtins(each) for each in page]
            names = self.kind.__struct_fields__
            yield as_csv.rows([as_csv.cell(row.get(name)) for name in names] for row in read)


class _Sink:
    """Takes the bytes of a ZIP that cannot seek."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep bytes until they are taken."""
        self._chunks.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing: `taken` gives the bytes on."""

    def taken(self) -> bytes:
        """Return the bytes since the last call."""
        taken, self._chunks = b"".join(self._chunks), []
        return taken


def zipped(parts: Iterable[Part], at: datetime) -> Iterator[bytes]:
    """Write files into a ZIP; memory holds one chunk.

    :param at: the time of the files.
    """
    sink = _Sink()
    with ZipFile(sink, "w", ZIP_DEFLATED) as archive:  # type: ignore[call-overload] # it needs no more
        for name, chunks in parts:
            info = ZipInfo(name, at.timetuple()[:6])
            info.compress_type = ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as file:
                for chunk in chunks:
                    file.write(chunk)
                    yield sink.taken()
    yield sink.taken()


def parts_of(bank: Bank, caller: Caller) -> Iterator[Part]:
    """Yield the files of a user. Each is read when it is written."""
    live = bank.users.sessions(caller)
    yield "user.json", iter([msgspec.json.encode(user_view(bank.users.user(caller)))])
    yield "sessions.json", _as_json(iter([[session_view(each, caller) for each in live]]))
    for table in _tables(bank, caller):
        yield from table.parts()
    for page in _accounts(bank, caller):
        for account in page:
            yield from _statements(bank, caller, account)


def _tables(bank: Bank, caller: Caller) -> tuple[_Table, ...]:
    books = bank.accounts

    def newest(read: Callable[..., Any], view: Callable[[Any], Any]) -> Callable[[], Any]:
        return lambda: _newest_first(lambda **page: read(caller, **page), view)

    return (
        _Table("accounts", AccountView, lambda: _viewed(_accounts(bank, caller), account_view)),
        _Table(
            "transfers", TransferView, newest(books.transfers_of, lambda x: seen_view(caller, x))
        ),
        _Table("holds", HoldView, newest(books.holds.of, hold_view)),
        _Table("schedules", ScheduleView, newest(books.schedules.of, schedule_view)),
    )


def _statements(bank: Bank, caller: Caller, account: Account) -> Iterator[Part]:
    statement = bank.accounts.statement(caller, account.id, Period())
    for written, ending in ((as_json.written, "json"), (as_csv.written, "csv")):
        pages = bank.accounts.statement_pages(statement)
        yield f"statements/{account.number}.{ending}", written(statement, pages)


def _accounts(bank: Bank, caller: Caller) -> Iterator[list[Account]]:
    page = bank.accounts.of(caller, after=None, limit=PAGE_ITEMS)
    while page:
        yield page
        page = bank.accounts.of(caller, after=page[-1].id, limit=PAGE_ITEMS)


def _newest_first(
    read: Callable[..., list[Any]], view: Callable[[Any], Any]
) -> Iterator[list[Any]]:
    page = read(before=None, limit=PAGE_ITEMS)
    while page:
        yield [view(each) for each in page]
        last = page[-1].recorded
        page = read(before=(last.at, last.entry.id), limit=PAGE_ITEMS)


def _viewed(pages: Iterator[list[Any]], view: Callable[[Any], Any]) -> Iterator[list[Any]]:
    for page in pages:
        yield [view(each) for each in page]


def _as_json(pages: Iterator[list[Any]]) -> Iterator[bytes]:
    items = chain.from_iterable(pages)
    first = next(items, None)
    yield b"[" if first is None else b"[\n" + msgspec.json.encode(first)
    for item in items:
        yield b",\n" + msgspec.json.encode(item)
    yield b"]\n"
