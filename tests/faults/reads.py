"""Rules about reading: nothing older than what was confirmed, nothing that never was."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from tests.faults.books import Books
from tests.faults.findings import Finding, Sort
from tests.faults.history import Call, History, Read, effects_of

NEVER_S = float("inf")


class Timeline:
    """The lines of an account, and when each was asked for and acknowledged."""

    def __init__(self, lines: list[dict[str, Any]], moments: list[tuple[float, float]]) -> None:
        self.lines, self.moments = lines, moments
        self.balances_minor = [0, *(line["balance_minor"] for line in lines)]
        confirmed = sorted((end_s, number) for number, (_, end_s) in enumerate(moments, 1))
        self._confirmed_s = [each for each, _ in confirmed]
        self._confirmed = [0, *accumulate((number for _, number in confirmed), max)]
        asked = sorted(
            ((begin_s, number) for number, (begin_s, _) in enumerate(moments, 1)), reverse=True
        )
        self._asked_s = [begin_s for begin_s, _ in asked][::-1]
        self._asked = [*accumulate((number for _, number in asked), min)][::-1]

    def confirmed(self, at_s: float) -> int:
        """Return the highest number that was acknowledged before a moment."""
        return self._confirmed[bisect_left(self._confirmed_s, at_s)]

    def possible(self, at_s: float) -> int:
        """Return the highest number that can be there at a moment: later ones were not asked."""
        place = bisect_right(self._asked_s, at_s)
        return self._asked[place] - 1 if place < len(self._asked) else len(self.lines)


class View(NamedTuple):
    """A read of an account: the lowest number of its last line, or what is wrong."""

    number: int
    wrong: Finding | None = None


def timelines(history: History, books: Books) -> dict[str, Timeline]:
    asked = {
        (effect.reference, *leg): call
        for call, effect in effects_of(history.calls.values())
        if call.kind != "capture"
        for leg in effect.legs
    }
    captured = {each.answer.body["capture_id"]: each for each in history.done("capture")}

    def moments(account_id: str, line: dict[str, Any]) -> tuple[float, float]:
        key = (line["reference"], account_id, line["amount_minor"])
        call = captured.get(line["entry_id"]) or asked.get(key)
        return moments_of(call, account_id, line)

    return {
        account_id: Timeline(lines, [moments(account_id, line) for line in lines])
        for account_id, lines in books.lines.items()
    }


def moments_of(call: Call | None, account_id: str, line: dict[str, Any]) -> tuple[float, float]:
    """Say from when on a line can be there, and from when on it has to be."""
    if call is None:
        return 0.0, NEVER_S
    return call.began_s, NEVER_S if call.kind == "schedule" else call.acknowledged_s


def numbers_are_in_real_time_order(history: History, books: Books) -> Iterator[Finding]:
    """A payment that was acknowledged before another was sent has the lower number."""
    for account_id, timeline in timelines(history, books).items():
        latest_s = 0.0
        for number, (began_s, acknowledged_s) in enumerate(timeline.moments, 1):
            if acknowledged_s < latest_s:
                text = f"line {number} of {account_id} was confirmed before an earlier one was sent"
                yield Finding(Sort.OTHER, text, acknowledged_s)
            latest_s = max(latest_s, began_s)


def reads_are_right(history: History, books: Books) -> Iterator[Finding]:
    """Each read shows a moment between its beginning and its end, and no client goes back."""
    of_account = timelines(history, books)
    last: dict[tuple[int, str], int] = defaultdict(int)
    for read in sorted(history.reads, key=lambda each: each.ended_s):
        if read.answer.status != 200 or read.account_id not in of_account:
            continue
        timeline, who = of_account[read.account_id], (read.client, read.account_id)
        view = (seen_balance if read.kind == "balance" else seen_lines)(read, timeline, last[who])
        if view.wrong:
            yield view.wrong
        last[who] = max(last[who], view.number)


def seen_balance(read: Read, timeline: Timeline, last: int) -> View:
    """Find the lowest number whose balance was read; a later read shows no lower one."""
    balance_minor = read.answer.body["balance_minor"]
    low, high = timeline.confirmed(read.began_s), timeline.possible(read.ended_s)
    balances_minor, lowest = timeline.balances_minor, max(low, last)
    for number in range(lowest, high + 1):
        if balances_minor[number] == balance_minor:
            return View(number)
    text = f"client {read.client} read {balance_minor} on {read.account_id}: "
    text += f"lines {low} to {high} were possible, {last} was read before"
    is_old = balance_minor in balances_minor[:lowest]
    return View(last, Finding(Sort.STALE if is_old else Sort.ALTERED, text, read.ended_s))


def seen_lines(read: Read, timeline: Timeline, last: int) -> View:
    """Compare a page of the newest lines with the lines at the end."""
    page = read.answer.body["data"]
    number = page[0]["number"] if page else 0
    low, high = timeline.confirmed(read.began_s), timeline.possible(read.ended_s)
    text = f"client {read.client} read lines of {read.account_id} up to {number}: "
    if number < max(low, last):
        text += f"{low} was confirmed, {last} was read before"
        return View(last, Finding(Sort.STALE, text, read.ended_s))
    if page != timeline.lines[max(0, number - 20) : number][::-1] or number > high:
        return View(last, Finding(Sort.ALTERED, text + "not the lines of the end", read.ended_s))
    return View(number)


def available_is_balance_less_held(history: History, books: Books) -> Iterator[Finding]:
    """available = balance - held + credit, in each account that was ever read."""
    reads = [each for each in history.reads if each.answer.status == 200]
    seen = [(each.answer.body, each.ended_s) for each in reads if each.kind == "balance"]
    seen += [
        (account, each.ended_s)
        for each in reads
        if each.kind == "all"
        for account in each.answer.body["data"]
    ]
    for account, at_s in [*seen, *((each, 0.0) for each in books.accounts.values())]:
        available_minor = account["balance_minor"] - account["held_minor"]
        available_minor += account["credit_limit_minor"]
        if account["available_minor"] != available_minor or account["held_minor"] < 0:
            yield Finding(Sort.OTHER, f"available is not balance - held + credit: {account}", at_s)


def the_total_is_kept(history: History, books: Books) -> Iterator[Finding]:
    """A customer that pays between its own accounts reads the same total each time."""
    for read in history.reads:
        if read.kind == "all" and read.answer.status == 200:
            accounts = read.answer.body["data"]
            total_minor = sum(each["balance_minor"] for each in accounts)
            kept_minor = sum(books.accounts[each["id"]]["balance_minor"] for each in accounts)
            if total_minor != kept_minor:
                text = f"client {read.client} read a total of {total_minor}, not {kept_minor}"
                yield Finding(Sort.ALTERED, text, read.ended_s)


read_rules = [
    numbers_are_in_real_time_order,
    reads_are_right,
    available_is_balance_less_held,
    the_total_is_kept,
]
