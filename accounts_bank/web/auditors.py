"""Pages for auditors: the audit log, newest first, and the integrity check."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, get_args

import msgspec
from flask import Blueprint, Response, request
from msgspec import Struct

from accounts_bank.audit.chain import trail_line
from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import NotFound
from accounts_bank.http.bank import bank
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Action
from accounts_bank.web.forms import Field, Form
from accounts_bank.web.pages import page, signed_in

auditors = Blueprint("auditor_pages", __name__)

LINES_SHOWN = 25
LINES_READ = 500
LINES_SEARCHED_MAX = 5_000
"""One page searches at most this many lines for matches of its filters."""

_EVENTS = sorted(
    {str(kind.__struct_config__.tag) for kind in get_args(Action)}
    | {"login", "login_failed", "logout", "password_changed", "password_refused", "password_reset"}
    | {"user_deleted", "user_registered", "user_updated"}
)
_FILTERS = (
    Field(
        name="event",
        label="Event",
        hint="Such as transfer or login_failed.",
        optional=True,
        marked=False,
        suggestions=tuple((each, "") for each in _EVENTS),
    ),
    Field(name="who", label="Who did it", hint="A username or an id.", optional=True, marked=False),
    Field(
        name="text",
        label="Anything in the line",
        hint="The id of an entry, an account or a user; an outcome.",
        optional=True,
        marked=False,
    ),
)

LogLine = dict[str, Any]


class Trail(Struct, frozen=True):
    """Lines of the log and, if there are more, the number before which the next page starts."""

    lines: list[LogLine]
    before: int | None


@auditors.get("/audit")
@signed_in(Permission.READ_AUDIT)
def trail(_caller: Caller) -> Response:
    """Show the audit log, newest first."""
    form = Form(*_FILTERS, typed=request.args)
    found = search(form.typed, request.args.get("before", type=int))
    kept = {name: value for name, value in form.typed.items() if value}
    return page(
        "audit",
        form=form,
        lines=found.lines,
        names=_names(found.lines),
        kept=kept,
        older=kept | {"before": str(found.before)} if found.before else None,
        newest="before" in request.args,
        is_short=len(found.lines) < LINES_SHOWN,
    )


@auditors.get("/integrity")
@signed_in(Permission.PROVE)
def integrity(_caller: Caller) -> Response:
    """Show the integrity check; prove the books if the visitor asks for it."""
    report = bank().verifier.verify() if "check" in request.args else None
    return page("integrity", report=report)


def search(wanted: dict[str, str], before: int | None) -> Trail:
    """Search the audit trail backwards for matching lines, at most `LINES_SEARCHED_MAX` lines.

    :param wanted: the values of the filters by name; "" matches everything.
    :param before: the number before which the search starts; None starts at the end.
    """
    sealer, lines = bank().audit, list[LogLine]()
    sealer.number()
    last = sealer.journal.head().number
    end = min(before or last + 1, last + 1)
    stop = max(end - LINES_SEARCHED_MAX, 1)
    actor = _id_of(wanted["who"].strip())
    while end > stop:
        begin = max(end - LINES_READ, stop)
        found = sealer.journal.sealed_after(begin - 1, end - begin)
        for line in map(trail_line, reversed(found)):
            record = msgspec.json.decode(line, type=LogLine)
            if not _matches(record, line, wanted, actor):
                continue
            if len(lines) == LINES_SHOWN:
                return Trail(lines, lines[-1]["number"])
            lines.append(_with_details(record, line))
        end = begin
    return Trail(lines, end if end > 1 else None)


def _matches(record: LogLine, line: bytes, wanted: dict[str, str], actor: str) -> bool:
    event, text = wanted["event"].strip(), wanted["text"].strip()
    return (
        (not event or record["event"] == event)
        and (not actor or actor in {record.get("actor_id"), record.get("user_id")})
        and (not text or text.encode() in line)
    )


def _id_of(who: str) -> str:
    """Return the id of a username; an unknown name is taken as an id."""
    found = bank().users.find(who) if who else []
    return found[0].id if found else who


def _names(lines: Iterable[LogLine]) -> dict[str, str]:
    """Return the usernames of the actors by id; deleted users are omitted."""
    ids = {record.get("actor_id") or record.get("user_id") or "" for record in lines}
    names = {}
    for user_id in ids:
        try:
            names[user_id] = bank().users.read(user_id).username
        except NotFound:
            continue
    return names


def _with_details(record: LogLine, line: bytes) -> LogLine:
    """Add the time and the formatted JSON of a line for the page."""
    at = datetime.fromisoformat(record["@timestamp"])
    return record | {"at": at, "raw": msgspec.json.format(line, indent=2).decode()}
