"""The table of faults: Markdown to read, JSON to compare."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tests.faults.findings import Sort
from tests.faults.run import Episode, Result

CALM = "none"
HEAD = ["Store", "Kind", "Number", "Acknowledged", *(each.capitalize() for each in Sort)]
HEAD += ["Longest time without an answer, s", "Recovered by itself"]


class Row(msgspec.Struct):
    """All faults of a kind on a store. Times are in seconds."""

    store: str
    kind: str
    number: int
    acknowledged: int
    found: dict[Sort, int]
    silence_s: float
    recovered: int

    def cells(self) -> list[str]:
        counts = [self.number, self.acknowledged, *self.found.values()]
        recovered = f"{self.recovered} of {self.number}" if self.number else ""
        return [self.store, self.kind, *map(str, counts), f"{self.silence_s:.1f}", recovered]


def rows_of(result: Result) -> list[Row]:
    """Return a row for each kind, and one for the time between faults."""
    episodes: dict[str, list[Episode]] = defaultdict(list)
    for each in result.episodes:
        episodes[each.kind].append(each)
    acknowledged: Counter[str] = Counter()
    for call in result.history.done():
        acknowledged[kind_at(result, call.acknowledged_s)] += 1
    found = Counter((kind_at(result, each.at_s), each.sort) for each in result.findings)
    return [
        Row(
            result.store,
            kind,
            len(some := episodes.get(kind, [])),
            acknowledged[kind],
            {each: found[kind, each] for each in Sort},
            max((silence_of(result, each) for each in some), default=0.0),
            sum(each.is_recovered for each in some),
        )
        for kind in [*sorted(episodes), CALM]
    ]


def silence_of(result: Result, episode: Episode) -> float:
    return result.history.silence_s(episode.began_s, episode.ended_s)


def kind_at(result: Result, at_s: float) -> str:
    """Return the kind of the fault of a moment, `CALM` between faults."""
    found = (each.kind for each in result.episodes if each.began_s <= at_s <= each.ended_s)
    return next(found, CALM)


def total_of(rows: Sequence[Row]) -> Row:
    """Return the sum of rows; the longest of their silences."""
    return Row(
        rows[0].store,
        "**all**",
        sum(each.number for each in rows),
        sum(each.acknowledged for each in rows),
        {sort: sum(each.found[sort] for each in rows) for sort in Sort},
        max(each.silence_s for each in rows),
        sum(each.recovered for each in rows),
    )


def markdown(rows: Iterable[Row]) -> str:
    return table(HEAD, [row.cells() for row in rows])


def table(head: list[str], lines: Iterable[list[str]]) -> str:
    """Return a table in Markdown."""
    texts = (f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines])
    return "\n".join(texts) + "\n"


def summary(of_stores: dict[str, list[Row]]) -> str:
    """Return the totals of several stores, and the longest silences by kind and store."""
    totals = [total_of(rows).cells() for rows in of_stores.values()]
    silences_s: dict[str, dict[str, str]] = defaultdict(dict)
    for store, rows in of_stores.items():
        for row in rows:
            if row.number:
                silences_s[row.kind][store] = f"{row.silence_s:.1f}"
    lines = [
        [kind, *(silences_s[kind].get(each, "") for each in of_stores)]
        for kind in sorted(silences_s)
    ]
    return f"{table(HEAD, totals)}\n{table(['Kind', *of_stores], lines)}"


def as_json(result: Result, rows: list[Row]) -> dict[str, Any]:
    return {
        "store": result.store,
        "seconds": round(result.ended_s - result.began_s, 1),
        "rows": msgspec.to_builtins(rows),
        "findings": [f"{each.sort}: {each.text}" for each in result.findings],
    }
