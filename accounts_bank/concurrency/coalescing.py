"""Request coalescing: callers that read at the same moment share one query of the store.

The first caller sends its query at once. Callers that arrive meanwhile share the next query, which
starts when the first one ends. So no caller gets a value that was read before it called.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from accounts_bank.concurrency.greenlets import InlineLock, Waiter
from accounts_bank.errors import NotDecided

Value = TypeVar("Value")


class _Query(Generic[Value]):
    """One query for several callers. Its first caller sends it, and the others wait for it."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self.ids = set(ids)
        self.waiters: list[Waiter] = []
        self.values: Mapping[str, Value] | None = None
        self.error: Exception | None = None


class Coalescer(Generic[Value]):
    """Reads values by id, in one query for several callers."""

    def __init__(self, load: Callable[[list[str]], Mapping[str, Value]]) -> None:
        """Take the query: `load` returns the values that exist, by id."""
        self._load = load
        self._lock = InlineLock()
        self._is_loading = False
        self._next = _Query[Value]()

    def get_many(self, ids: Iterable[str]) -> dict[str, Value]:
        """Return the values that exist, by id.

        If a shared query fails for a reason of its own, each caller sends its own query once: one
        bad id fails only the callers that sent it.

        :raises Unavailable: the store does not answer; no caller tries again.
        """
        wanted = list(ids)
        query, waiter = self._join(wanted)
        if waiter is not None:
            waiter.wait()  # for the values, or for its turn to send the query
        if query.values is None and query.error is None:
            self._send(query)
        if isinstance(query.error, NotDecided):
            raise query.error
        values = self._load(wanted) if query.values is None else query.values
        return {each: values[each] for each in wanted if each in values}

    def _join(self, ids: list[str]) -> tuple[_Query[Value], Waiter | None]:
        """Return a new query to send at once, or the next one and a waiter for it."""
        with self._lock:
            if not self._is_loading:
                self._is_loading = True
                return _Query(ids), None
            self._next.ids.update(ids)
            self._next.waiters.append(waiter := Waiter())
            return self._next, waiter

    def _send(self, query: _Query[Value]) -> None:
        """Send a query, wake its callers, and leave the next query to its first caller."""
        try:
            query.values = self._load(sorted(query.ids))
        except Exception as error:  # noqa: BLE001 - each caller sends its own query
            query.error = error
        finally:
            with self._lock:
                following = self._next.waiters[:1]
                self._is_loading = bool(following)
                if following:
                    self._next = _Query()
            for waiter in query.waiters[1:] + following:
                waiter.call()
