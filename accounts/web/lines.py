"""How a line of a statement is told: in a few words, and where more can be read."""

from accounts.ledger.values import Line
from accounts.web.formats import in_fours

_PAGES = {"deposit": "deposits", "withdrawal": "withdrawals", "transfer": "transfers"}
"""Which kinds of entries have a page of their own."""

_TITLES = {"deposit": "Paid in", "withdrawal": "Paid out"}


def title(line: Line) -> str:
    """Say what moved."""
    if line.kind == "transfer":
        return "Received" if line.amount_minor > 0 else "Sent"
    return _TITLES.get(line.kind, line.kind.replace("_", " ").capitalize())


def other_side(line: Line) -> str:
    """Name the other account, where there is one."""
    if line.counterparty is None:
        return ""
    return f"{'from' if line.amount_minor > 0 else 'to'} {in_fours(line.counterparty)}"


def path(line: Line) -> str | None:
    """Give the page of the entry behind a line."""
    page = _PAGES.get(line.kind)
    return f"/{page}/{line.entry_id}" if page else None
