"""`accounts events`: reads, follows and checks the events of a running bank."""

import sys
from collections.abc import Iterator
from http.client import HTTPException
from time import sleep
from typing import Any
from urllib.parse import urlencode

import click
import msgspec
from msgspec import Raw, Struct

from accounts_bank.running_bank import NoAnswer, RunningBank

LIMIT, WAIT_S, PATIENCE_S = 100, 20, 60
PAUSE_S = 1.0
"""The pause before a reader that follows asks a bank again that did not answer."""


class Event(Struct, frozen=True):
    """The fields of an event that the commands read."""

    id: str
    number: int
    type: str
    at: str
    account_id: str = ""
    line: int | None = None
    data: dict[str, Any] = {}


class _Page(Struct, frozen=True):
    data: list[Raw]
    next_cursor: str | None


class Check:
    """Checks that each event comes once and in order, and that no line is missing."""

    def __init__(self, *, from_start: bool) -> None:
        """Begin; without `from_start` the first line of an account may have any number."""
        self._from_start = from_start
        self.count, self._last, self._ids = 0, 0, set[str]()
        self._lines: dict[str, int] = {}

    def see(self, event: Event) -> None:
        """Take the next event.

        :raises click.ClickException: it is out of order, comes twice, or leaves a line out.
        """
        self.count += 1
        if event.number < self._last:
            raise click.ClickException(f"Number {event.number} comes after {self._last}.")
        if event.number > self._last:
            self._last, self._ids = event.number, set()
        if event.id in self._ids:
            raise click.ClickException(f"Event {event.id} comes twice.")
        self._ids.add(event.id)
        if event.line is not None:
            self._see_line(event.account_id, event.line)

    def _see_line(self, account_id: str, line: int) -> None:
        before = self._lines.get(account_id, 0 if self._from_start else line - 1)
        if line != before + 1:
            raise click.ClickException(
                f"Account {account_id}: line {line} comes where {before + 1} belongs."
            )
        self._lines[account_id] = line

    @property
    def summary(self) -> str:
        """The result of the check, in one sentence."""
        return (
            f"{self.count} events up to number {self._last}, lines of {len(self._lines)} accounts: "
            "each once, in order, without a gap."
        )


@click.command()
@click.option(
    "--url",
    default="http://localhost:5000",
    show_default=True,
    envvar="BANK_URL",
    help="The bank, or a sandbox bank: http://localhost:5000/banks/<id>.",
)
@click.option("--token", required=True, envvar="BANK_TOKEN", help="An access token.")
@click.option("--after", type=click.IntRange(0), default=0, help="Begin after this number.")
@click.option("--account", help="The id or number of one account.")
@click.option("--type", "kind", help="One type, such as transfer.received.")
@click.option("--follow", is_flag=True, help="Wait for the next events, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON.")
@click.option("--check", is_flag=True, help="Check order and lines, and print a summary alone.")
def events(  # noqa: PLR0913 - each option is an argument
    *, url: str, token: str, after: int, follow: bool, as_json: bool, check: bool, **match: str
) -> None:
    """Print the events of a running bank, the oldest first.

    The events are those that the owner of the token may see.
    """
    if check and match["kind"]:
        raise click.UsageError("Events of one type leave lines out. Use --check without --type.")
    checked = Check(from_start=after == 0)
    names = {"account": match["account"], "type": match["kind"]}
    reader = Reader(RunningBank(url, token), after, {k: v for k, v in names.items() if v})
    try:
        for raw in reader.events(follow=follow):
            event = msgspec.json.decode(raw, type=Event)
            checked.see(event) if check else click.echo(_shown(raw, event, as_json=as_json))
    except KeyboardInterrupt:
        if not check:
            raise
    if check:
        click.echo(checked.summary)


class Reader:
    """Reads pages from a number on."""

    def __init__(self, bank: RunningBank, after: int, match: dict[str, str]) -> None:
        self._bank, self._after, self._match = bank, after, match

    def events(self, *, follow: bool) -> Iterator[Raw]:
        """Yield the events up to the last one; with `follow`, without an end.

        :raises click.ClickException: the bank refuses; without `follow`, also if it is away.
        """
        wait_s = WAIT_S if follow else 0
        while True:
            try:
                page = self._page(wait_s)
            except NoAnswer as error:
                if not follow:
                    raise
                click.echo(error.message, file=sys.stderr)
                sleep(PAUSE_S)
                continue
            yield from page.data
            if page.data:
                self._after = msgspec.json.decode(page.data[-1], type=Event).number
            elif not follow:
                return

    def _page(self, wait_s: int) -> _Page:
        query = self._match | {"after": self._after, "limit": LIMIT, "wait_s": wait_s}
        path = f"/v1/events?{urlencode(query)}"
        try:
            with self._bank.send("GET", path, timeout_s=PATIENCE_S) as answer:
                return msgspec.json.decode(answer.read(), type=_Page)
        except (OSError, HTTPException, msgspec.MsgspecError) as error:
            raise NoAnswer(f"The answer of {self._bank.url} is cut short.") from error


def _shown(raw: Raw, event: Event, *, as_json: bool) -> str:
    """Return one line: JSON, or number, time, type and the amount for people."""
    if as_json:
        return bytes(raw).decode()
    amount = event.data.get("amount_minor", "")
    parts = (event.number, event.at, event.type, amount, event.data.get("currency", ""))
    more = (event.account_id, event.data.get("reference") or event.data.get("code") or "")
    return "  ".join(str(each) for each in (*parts, *more) if each != "")
