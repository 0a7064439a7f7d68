"""The replacement of workers that ended, and how often the bank does it."""

from collections import deque
from collections.abc import Callable
from time import monotonic

RESPAWNS_MAX = 10
RESPAWNS_S = 30.0
"""The bank ends after so many replacements within so many seconds: another one will not help."""
START_S = 3.0
"""In the first seconds a worker that ends twice cannot start at all, and the bank ends at once."""


class Respawns(dict[int, float]):
    """The moments at which granian replaced workers, by worker, in seconds of `clock`.

    granian ends the bank where a worker ends within 5.5 s after its replacement, and finds the
    moment by `get`. One worker that is killed twice, or that has no memory for a moment, would end
    the bank with all of its workers. So `get` hides the moment until replacements are many.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock, self._began_s = clock, clock()
        self._newest_s: deque[float] = deque(maxlen=RESPAWNS_MAX)

    def __setitem__(self, worker: int, at_s: float) -> None:
        """Note a replacement."""
        self._newest_s.append(at_s)
        super().__setitem__(worker, at_s)

    def get(self, worker: int, default: float = 0.0) -> float:  # type: ignore[override] # as called
        """Return the moment of the last replacement; `default` where it may not end the bank."""
        return super().get(worker, default) if self._ends_the_bank() else default

    def _ends_the_bank(self) -> bool:
        now_s = self._clock()
        are_many = len(self._newest_s) == RESPAWNS_MAX and now_s - self._newest_s[0] < RESPAWNS_S
        return are_many or now_s - self._began_s < START_S
