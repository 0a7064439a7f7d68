"""The books at the end of a run, as customers and the auditor read them over HTTP."""

from collections.abc import Iterator
from datetime import datetime
from time import monotonic, sleep
from typing import Any

import msgspec

from tests.faults.clients import Customer
from tests.faults.transport import NoAnswer, Transport

READ_TIMEOUT_S = 600.0
SETTLE_S = 20.0
BRIEF_S = 60.0
PAGE = 100


class Books(msgspec.Struct):
    """Accounts by id, the lines of each with the oldest first, holds, schedules, audit trail."""

    accounts: dict[str, dict[str, Any]] = {}
    lines: dict[str, list[dict[str, Any]]] = {}
    holds: dict[str, dict[str, Any]] = {}
    schedules: dict[str, dict[str, Any]] = {}
    audit: list[dict[str, Any]] = []


class Reader:
    """Reads as one user; asks again where there is no answer."""

    def __init__(self, transport: Transport, token: str) -> None:
        self.transport, self.token = transport, token

    def get(self, path: str) -> Any:
        until_s = monotonic() + READ_TIMEOUT_S
        said: object = None
        while monotonic() < until_s:
            try:
                answer = self.transport.send("GET", path, token=self.token)
            except NoAnswer as error:
                said = repr(error.__cause__)
            else:
                if answer.status == 200:
                    return answer.body
                said = answer
            sleep(0.1)
        raise AssertionError(f"{path} is not answered: {said}")

    def all_of(self, path: str) -> Iterator[dict[str, Any]]:
        """Give the items of all pages."""
        cursor = ""
        while cursor is not None:
            page = self.get(f"{path}?limit={PAGE}" + (f"&cursor={cursor}" if cursor else ""))
            yield from page["data"]
            cursor = page["next_cursor"]


def read_books(transport: Transport, customers: list[Customer], auditor: str) -> Books:
    """Wait until nothing is due, then read everything."""
    readers = [Reader(transport, each.token) for each in customers]
    books = Books()
    until_s = monotonic() + SETTLE_S
    while monotonic() < until_s:
        for kind in ("holds", "schedules", "accounts"):
            items = (each for reader in readers for each in reader.all_of(f"/v1/{kind}"))
            setattr(books, kind, {each["id"]: each for each in items})
        if not is_due(books):
            break
        sleep(0.2)
    books.audit = list(Reader(transport, auditor).all_of("/v1/audit"))
    for reader in readers:
        for account in reader.all_of("/v1/accounts"):
            path = f"/v1/accounts/{account['id']}/lines"
            books.lines[account["id"]] = list(reader.all_of(path))[::-1]
    return books


def is_due(books: Books) -> bool:
    """Tell whether a hold of a second is still held, or a schedule has still to run."""
    held_minor = sum(each["held_minor"] for each in books.accounts.values())
    lasting = [each for each in books.holds.values() if each["status"] == "open"]
    return (
        held_minor != sum(each["amount_minor"] for each in lasting)
        or any(lasts_s(each) < BRIEF_S for each in lasting)
        or any(each["status"] == "active" for each in books.schedules.values())
    )


def lasts_s(hold: dict[str, Any]) -> float:
    expires, placed = (msgspec.convert(hold[each], datetime) for each in ("expires_at", "at"))
    return (expires - placed).total_seconds()
