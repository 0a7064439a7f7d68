"""Keeps a failure to observe away from the work that is observed."""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from time import monotonic
from typing import ParamSpec, TypeVar

QUIET_S = 60.0
"""The time for which one line about a failing observation is enough, in seconds."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)


def shielded(observe: Callable[Parameters, Result]) -> Callable[Parameters, Result | None]:
    """Make a function that observes return None in place of an error.

    The first error is logged, and one a minute while errors go on.
    """
    quiet_until_s = 0.0

    @wraps(observe)
    def observe_or_log(*arguments: Parameters.args, **named: Parameters.kwargs) -> Result | None:
        nonlocal quiet_until_s
        try:
            return observe(*arguments, **named)
        except Exception as error:  # noqa: BLE001 - logged; the request goes on
            if monotonic() > quiet_until_s:
                quiet_until_s = monotonic() + QUIET_S
                _log(observe.__name__, error)
            return None

    return observe_or_log


def _log(name: str, error: Exception) -> None:
    with suppress(Exception):  # the log may fail for the same reason
        context = {"observation": name}
        logger.error("observation_failed", exc_info=error, extra={"context": context})
