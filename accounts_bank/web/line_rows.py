"""Rows of a statement: the title, the other account and the link of a line."""

from accounts_bank.ledger.values import Line
from accounts_bank.web.formats import in_fours

_PAGES = {
    "deposit": "deposits",
    "withdrawal": "withdrawals",
    "transfer": "transfers",
    "reversal": "reversals",
    "capture": "captures",
}
"""The folder of the pages of each kind that moves money; empty if it has no pages."""

_TITLES = {
    "deposit": ("Paid in", "Paid in"),
    "withdrawal": ("Paid out", "Paid out"),
    "transfer": ("Received", "Sent"),
    "reversal": ("Sent back", "Sent back"),
    "capture": ("Received from a hold", "Taken from a hold"),
}
"""The titles of each kind: for incoming and for outgoing money."""


def title(line: Line) -> str:
    """Return the title of a line."""
    came_in, went_out = _TITLES.get(line.kind, (line.kind, line.kind))
    return came_in if line.amount_minor > 0 else went_out


def other_side(line: Line) -> str:
    """Return the text for the other account, if there is one."""
    if line.counterparty is None:
        return ""
    return f"{'from' if line.amount_minor > 0 else 'to'} {in_fours(line.counterparty)}"


def path(line: Line) -> str | None:
    """Return the path of the page of a line's entry, if it has one."""
    page = _PAGES.get(line.kind)
    return f"/{page}/{line.entry_id}" if page else None
