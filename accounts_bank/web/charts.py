"""The balance over time, as a line: drawn here for everyone, and livelier by uPlot in the browser.

A chart has a fixed number of points, however many lines the accounts have.
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
"""Units of the drawing, which is stretched to where it stands."""


class Chart(Struct, frozen=True):
    """What some accounts of one currency held together, at moments in ascending order."""

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
        """The line as SVG writes it: level until the next point."""
        low, high = min(self.low_minor, 0), max(self.high_minor, 0)
        height = max(high - low, 1)
        xs = [WIDTH * n // (len(self.moments) - 1) for n in range(len(self.moments))]
        ys = [HEIGHT - HEIGHT * (each - low) // height for each in self.balances_minor]
        return f"M0,{ys[0]}" + "".join(f"H{x}V{y}" for x, y in zip(xs[1:], ys[1:], strict=True))

    @property
    def data(self) -> str:
        """The points for the browser, as JSON."""
        times_s = [int(each.timestamp()) for each in self.moments]
        told = {
            "times_s": times_s,
            "balances_minor": self.balances_minor,
            "currency": self.currency,
            "decimals": DECIMALS[self.currency],
        }
        return msgspec.json.encode(told).decode()


def chart_of(accounts: Sequence[Account], since: datetime, until: datetime) -> Chart:
    """Chart the sum of some accounts of one currency."""
    moments = moments_between(since, until)
    return Chart(accounts[0].currency, moments, bank().accounts.history(accounts, moments))


def moments_between(since: datetime, until: datetime) -> list[datetime]:
    """Give moments at equal distances; the last one is right behind `until`."""
    step = (until - since) // (POINTS - 1) + datetime.resolution
    return [since + step * n for n in range(POINTS)]
