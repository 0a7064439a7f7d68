"""Banks for tests: `Bank`, and a pytest plugin with fixtures.

`Bank` and the rest are imported at their first use, so the plugin costs a project that does not use
it next to nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accounts_bank.testing.bank import Bank, BankWrong
    from accounts_bank.testing.client import Client, Refusal
    from accounts_bank.testing.clock import Clock
    from accounts_bank.testing.faults import Faults
    from accounts_bank.testing.servers import LocalServer, Server

__all__ = ["Bank", "BankWrong", "Client", "Clock", "Faults", "LocalServer", "Refusal", "Server"]

_MODULES = {
    "Bank": "bank",
    "BankWrong": "bank",
    "Client": "client",
    "Clock": "clock",
    "Faults": "faults",
    "LocalServer": "servers",
    "Refusal": "client",
    "Server": "servers",
}


def __getattr__(name: str) -> Any:
    """Import a name at its first use (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - as light as it can be

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
