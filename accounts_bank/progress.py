"""How far a long command is: a bar on a terminal, elsewhere a line every ten seconds.

    rows -> Passes.counted -> Tell(done, total) -> shown -> stderr

Rows are counted in batches, so a row costs nothing that can be measured.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, TextIO, TypeVar

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

LINE_EVERY_S = 10.0
AT_ONCE = 1_000

Tell = Callable[[int, int], None]
"""Takes the number of entries that are done, and the number of all."""

Row = TypeVar("Row")


def quiet(_done: int, _total: int) -> None:
    """Show no progress."""


class Passes:
    """Several passes over the same entries, told as one count of them."""

    def __init__(self, total: int, names: Iterable[str], tell: Tell) -> None:
        """Name the passes; each one takes the same share of the work.

        :param total: the number of entries, which may be an estimate.
        """
        self._total, self._tell = total, tell
        self._seen = dict.fromkeys(names, 0.0)

    def seen(self, name: str, count: float) -> None:
        """Count entries of one pass; a pass never counts more than the total."""
        self._seen[name] = min(self._total, self._seen[name] + count)
        self._tell(int(sum(self._seen.values()) / len(self._seen)), self._total)

    def counted(self, name: str, rows: Iterable[Row], rows_each: int = 1) -> Iterator[Row]:
        """Yield the rows of one pass, of which each entry has `rows_each`."""
        remaining = iter(rows)
        while batch := list(islice(remaining, AT_ONCE)):
            yield from batch
            self.seen(name, len(batch) / rows_each)
        self.seen(name, self._total)


@contextmanager
def shown(
    label: str, stream: TextIO, *, unit: str = "entries", clock: Callable[[], float] = monotonic
) -> Iterator[Tell]:
    """Show the progress of one step on a stream.

    :param unit: of the counts that the block tells.
    :param clock: returns seconds; it never jumps.
    """
    if not stream.isatty():
        yield _Lines(label, unit, stream, clock)
        return
    with click.progressbar(length=1, label=label, file=stream) as bar:
        yield partial(_move, bar)
        _move(bar, 1, 1)


def _move(bar: "ProgressBar[int]", done: int, total: int) -> None:
    bar.length = max(total, 1)
    bar.update(done - bar.pos)


class _Lines:
    """Writes a line every `LINE_EVERY_S`."""

    def __init__(self, label: str, unit: str, stream: TextIO, clock: Callable[[], float]) -> None:
        self._label, self._unit, self._stream, self._clock = label, unit, stream, clock
        self._started_s = self._told_s = clock()

    def __call__(self, done: int, total: int) -> None:
        now_s = self._clock()
        if done and now_s - self._told_s >= LINE_EVERY_S:
            self._told_s = now_s
            left = _left((now_s - self._started_s) * (total - done) / done)
            text = f"{self._label}: {done:,} of {total:,} {self._unit}, {left} left"
            click.echo(text, file=self._stream)


def _left(seconds: float) -> str:
    minutes, whole_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole_s} s" if minutes else f"{whole_s} s"
