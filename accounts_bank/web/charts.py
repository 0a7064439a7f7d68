"""Charts of a balance over time: SVG from the server, interactive with uPlot in the browser.

Every chart has the same number of points, independent of the number of lines.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from accounts_bank.http.bank import bank
from accounts_bank.ledger.currencies import DECIMALS
from accounts_bank.ledger.values import Account

POINTS = 61
SPAN = timedelta(days=90)
WIDTH, HEIGHT = 600, 120
"""The size of the SVG in its own units; the page scales it."""


class Chart(Struct, frozen=True):
    """The total balance of accounts of one currency at ascending moments."""

    currency: str
    moments: list[datetime]
    balances_minor: list[int]

    @property
    def low_minor(self) -> int:
        """The lowest balance."""
        return min(self.balances_minor)

    @property
    def high_minor(self) -> int:
        """The highest balance."""
        return max(self.balances_minor)

    @property
    def path(self) -> str:
        """The path of the SVG: a step line, level until the next point."""
        low, high = min(self.low_minor, 0), max(self.high_minor, 0)
        height = max(high - low, 1)
        xs = [WIDTH * n // (len(self.moments) - 1) for n in range(len(self.moments))]
        ys = [HEIGHT - HEIGHT * (each - low) // height for each in self.balances_minor]
        return f"M0,{ys[0]}" + "".join(f"H{x}V{y}" for x, y in zip(xs[1:], ys[1:], strict=True))

    @property
    def data(self) -> str:
        """The points as JSON for the browser."""
        times_s = [int(each.timestamp()) for each in self.moments]
        data = {
            "times_s": times_s,
            "balances_minor": self.balances_minor,
            "currency": self.currency,
            "decimals": DECIMALS[self.currency],
        }
        return msgspec.json.encode(data).decode()


def chart_of(accounts: Sequence[Account], since: datetime, until: datetime) -> Chart:
    """Return the chart of the total balance of accounts of one currency."""
    moments = moments_between(since, until)
    return Chart(accounts[0].currency, moments, bank().accounts.history(accounts, moments))


def moments_between(since: datetime, until: datetime) -> list[datetime]:
    """Return `POINTS` moments at equal distances; the last one is right after `until`."""
    step = (until - since) // (POINTS - 1) + datetime.resolution
    return [since + step * n for n in range(POINTS)]
