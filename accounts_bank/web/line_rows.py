"""How a line of a statement is told: in a few words, and where more can be read."""

from accounts_bank.ledger.values import Line
from accounts_bank.web.formats import in_fours

_PAGES = {
    "deposit": "deposits",
    "withdrawal": "withdrawals",
    "transfer": "transfers",
    "reversal": "reversals",
    "capture": "captures",
}
"""Which kinds of entries have a page of their own."""

_TITLES = {
    "deposit": ("Paid in", "Paid in"),
    "withdrawal": ("Paid out", "Paid out"),
    "transfer": ("Received", "Sent"),
    "reversal": ("Sent back", "Sent back"),
    "capture": ("Received from a hold", "Taken from a hold"),
}
"""What each is called, where money came in and where it went out."""


def title(line: Line) -> str:
    """Say what moved."""
    came_in, went_out = _TITLES.get(line.kind, (line.kind, line.kind))
    return came_in if line.amount_minor > 0 else went_out


def other_side(line: Line) -> str:
    """Name the other account, where there is one."""
    if line.counterparty is None:
        return ""
    return f"{'from' if line.amount_minor > 0 else 'to'} {in_fours(line.counterparty)}"


def path(line: Line) -> str | None:
    """Give the page of the entry behind a line."""
    page = _PAGES.get(line.kind)
    return f"/{page}/{line.entry_id}" if page else None
