"""The page of an account: balance, chart, filtered lines and downloads."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, Response, request
from msgspec import Struct

from accounts_bank.api.statements import FORMS, rendered
from accounts_bank.api.views import write
from accounts_bank.collections.permissions import Permission
from accounts_bank.http.bank import bank
from accounts_bank.identity import Caller
from accounts_bank.ledger.values import Account, Line, Period
from accounts_bank.web import line_rows
from accounts_bank.web.charts import SPAN, chart_of
from accounts_bank.web.forms import Field, Form
from accounts_bank.web.pages import page, signed_in

statement = Blueprint("statement", __name__, url_prefix="/accounts")

LINES_SHOWN = 25
LINES_READ = 200
LINES_SEARCHED_MAX = 2_000
"""One page searches at most this many lines for matches of its filters."""

_DOWNLOADS = {"csv": "text/csv", "xml": "application/xml"}
_FILTERS = (
    Field(name="from", label="From", type="date", optional=True, marked=False),
    Field(name="to", label="To", type="date", optional=True, marked=False),
    Field(
        name="text",
        label="Reference or number",
        type="search",
        optional=True,
        marked=False,
        maxlength=140,
    ),
    Field(
        name="way",
        label="In or out",
        choices=(("", "both"), ("in", "money in"), ("out", "money out")),
        optional=True,
        marked=False,
    ),
)


class Filters(Struct, frozen=True):
    """The filters of the lines of an account."""

    period: Period
    way: str = ""
    text: str = ""

    def matches(self, line: Line) -> bool:
        """Return whether a line matches the filters."""
        if self.way and (self.way == "in") != (line.amount_minor > 0):
            return False
        words = f"{line.reference or ''} {line.counterparty or ''}".casefold()
        return self.text.casefold() in words or self.text.replace(" ", "").casefold() in words


class Found(Struct, frozen=True):
    """Lines and, if there may be more, the number before which the next page starts."""

    lines: list[Line]
    before: int | None


@statement.get("/<account>")
@signed_in(Permission.READ_OWN)
def show(caller: Caller, account: str) -> Response:
    """Show an account and its lines, newest first."""
    found = bank().accounts.account(caller, account)
    form = Form(*_FILTERS, typed=request.args)
    filters = _filters(form)
    before = request.args.get("before", type=int)
    lines = find_lines(caller, found, filters, before)
    return page(
        "account",
        account=found,
        is_own=found.owner_id == caller.id,
        form=form,
        lines=lines.lines,
        older=_query(before=str(lines.before)) if lines.before else None,
        newest=_query() if before else None,
        chart=_chart(found, filters.period),
        done=request.args.get("done"),
        line_rows=line_rows,
        is_filtered=any(form.typed.values()),
        downloads=_period_query(form),
        customer_cash=bank().settings.CUSTOMER_CASH,
    )


@statement.get("/<account>/statement.csv", defaults={"extension": "csv"})
@statement.get("/<account>/statement.xml", defaults={"extension": "xml"})
@signed_in(Permission.READ_OWN)
def download(caller: Caller, account: str, extension: str) -> Response:
    """Send the statement of a period as a file."""
    period = _filters(Form(*_FILTERS, typed=request.args)).period
    drawn_up = bank().accounts.statement(caller, account, period)
    pages = bank().accounts.statement_pages(drawn_up)
    response = write(rendered(drawn_up, pages, FORMS[_DOWNLOADS[extension]]))
    response.headers["Cache-Control"] = "no-store"
    return response


def find_lines(caller: Caller, account: Account, filters: Filters, before: int | None) -> Found:
    """Search an account's lines backwards for matches, at most `LINES_SEARCHED_MAX` lines.

    :param before: the number before which the search starts; None starts at the end.
    """
    lines: list[Line] = []
    limit = LINES_READ if filters.way or filters.text else LINES_SHOWN + 1
    for _ in range(LINES_SEARCHED_MAX // LINES_READ):
        read = bank().accounts.lines(
            caller, account.id, before=before, period=filters.period, limit=limit
        )
        for line in read:
            if len(lines) == LINES_SHOWN:
                return Found(lines, lines[-1].number)
            if filters.matches(line):
                lines.append(line)
        if len(read) < limit:
            return Found(lines, None)
        before = read[-1].number
    return Found(lines, before)


def _filters(form: Form) -> Filters:
    since, until = form.read("from", _date), form.read("to", _date)
    if since and until and until < since:
        form.errors["to"] = "Choose a date after the first one."
        since = until = None
    return Filters(
        Period(_start_of(since), _start_of(until, days=1)), form.typed["way"], form.typed["text"]
    )


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("Write the date as 2026-12-31.") from None


def _start_of(day: date | None, *, days: int = 0) -> datetime | None:
    """Return the start of a day plus some days, in UTC."""
    if day is None:
        return None
    return datetime.combine(day, time(), UTC) + timedelta(days=days if day < date.max else 0)


def _chart(account: Account, period: Period) -> Any:
    now = bank().clock()
    until = max(min(period.until or now, now), account.created_at)
    since = max(account.created_at, period.since or until - SPAN)
    return chart_of([account], since, until) if since < until and account.line_count else None


def _query(**more: str) -> dict[str, str]:
    kept = {name: request.args.get(name, "") for name in ("from", "to", "text", "way")}
    return {name: value for name, value in (kept | more).items() if value}


def _period_query(form: Form) -> dict[str, str]:
    return {n: form.typed[n] for n in ("from", "to") if form.typed[n] and n not in form.errors}
