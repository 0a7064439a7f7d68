"""Questions asked together: what several ask for at the same moment is one question to the store.

Whoever finds nobody asking asks at once. Whoever comes meanwhile shares the next question, which
begins when the answer is there: so nobody is told what was found before it asked.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from accounts_bank.concurrency.greenlets import InlineLock, Waiter
from accounts_bank.errors import Unavailable

Found = TypeVar("Found")


class _Question(Generic[Found]):
    """What is asked for, who waits for it, and what came of it. The first who waits asks it."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self.ids = set(ids)
        self.waiting: list[Waiter] = []
        self.found: Mapping[str, Found] | None = None
        self.error: Exception | None = None


class Coalescer(Generic[Found]):
    """Asks a store by ids, for several callers at once."""

    def __init__(self, ask: Callable[[list[str]], Mapping[str, Found]]) -> None:
        self._ask = ask
        self._lock = InlineLock()
        self._is_asking = False
        self._next = _Question[Found]()

    def of(self, ids: Iterable[str]) -> dict[str, Found]:
        """Give what is found.

        Where that fails for a reason of its own, each asks once more by itself: so one bad id fails
        nobody but who asked for it. A store that does not answer is not asked once more for each.
        """
        wanted = list(ids)
        question, call = self._stand_in(wanted)
        if call is not None:
            call.wait()  # to be told, or to ask for all who wait
        if question.found is None and question.error is None:
            self._answer(question)
        if isinstance(question.error, Unavailable):
            raise question.error
        found = self._ask(wanted) if question.found is None else question.found
        return {each: found[each] for each in wanted if each in found}

    def _stand_in(self, ids: list[str]) -> tuple[_Question[Found], Waiter | None]:
        with self._lock:
            if not self._is_asking:
                self._is_asking = True
                return _Question(ids), None
            self._next.ids.update(ids)
            self._next.waiting.append(call := Waiter())
            return self._next, call

    def _answer(self, question: _Question[Found]) -> None:
        """Ask, tell the others, and leave the next question to the first who waits for it."""
        try:
            question.found = self._ask(sorted(question.ids))
        except Exception as error:  # noqa: BLE001 - whoever asked finds out for itself
            question.error = error
        finally:
            with self._lock:
                following = self._next.waiting[:1]
                self._is_asking = bool(following)
                if following:
                    self._next = _Question()
            for call in question.waiting[1:] + following:
                call.call()
