"""The plain model: what the ledger must do, said a second time, in dictionaries and with no care.

It knows entries and statuses by name and nothing else of the code that it checks.
"""

from typing import Any

LARGEST = 2**53 - 1


class Model:
    """Accounts by id, customers by id, and what was said to each entry."""

    def __init__(self) -> None:
        self.accounts: dict[str, dict[str, Any]] = {}
        self.cash: dict[str, int] = {}
        self.left: set[str] = set()
        self.said: dict[str, tuple[Any, str, dict[str, int]]] = {}

    def tell(self, entry_id: str, kind: str, ask: Any) -> tuple[str, dict[str, int], bool]:
        """Answer status, details and whether it is a replay."""
        if entry_id in self.said:
            before, status, details = self.said[entry_id]
            return (status, details, True) if before == ask else ("key_reused", {}, False)
        answer = getattr(self, kind)(entry_id, ask)
        status, details = answer if isinstance(answer, tuple) else (answer or "recorded", {})
        self.said[entry_id] = ask, status, details
        return status, details, False

    def named(self, name: str) -> dict[str, Any] | None:
        found = [each for each in self.accounts.values() if name in {each["id"], each["number"]}]
        return found[0] if found else None

    def open_of(self, owner: str) -> int:
        mine = [each for each in self.accounts.values() if each["owner"] == owner]
        return sum(not each["closed"] for each in mine)

    def account_opened(self, entry_id: str, ask: Any) -> str | None:
        if ask.owner_id in self.left:
            return "customer_left"
        self.accounts[entry_id] = {
            "id": entry_id,
            "number": None,
            "owner": ask.owner_id,
            "name": ask.name,
            "currency": ask.currency,
            "closed": False,
            "lines": [],
        }
        return None

    def account_renamed(self, _entry_id: str, ask: Any) -> str | None:
        account = self.named(ask.account)
        if not account:
            return "account_unknown"
        if account["closed"]:
            return "account_closed"
        account["name"] = ask.name
        return None

    def account_closed(self, _entry_id: str, ask: Any) -> Any:
        account = self.named(ask.account)
        if not account:
            return "account_unknown"
        if sum(account["lines"]):
            return "balance_not_zero", {"balance_minor": sum(account["lines"])}
        account["closed"] = True
        return None

    def customer_left(self, _entry_id: str, ask: Any) -> Any:
        if self.open_of(ask.owner_id):
            return "accounts_open", {"open_accounts": self.open_of(ask.owner_id)}
        self.left.add(ask.owner_id)
        return None

    def deposit(self, _entry_id: str, ask: Any) -> str | None:
        account = self.named(ask.account)
        if not account:
            return "account_unknown"
        if account["closed"]:
            return "account_closed"
        if account["currency"] != ask.currency:
            return "currency_mismatch"
        if sum(account["lines"]) + ask.amount_minor > LARGEST:
            return "limit_exceeded"
        account["lines"].append(ask.amount_minor)
        self.cash[ask.currency] = self.cash.get(ask.currency, 0) - ask.amount_minor
        return None

    def withdrawal(self, _entry_id: str, ask: Any) -> Any:
        account = self.named(ask.account)
        if not account:
            return "account_unknown"
        if account["closed"]:
            return "account_closed"
        if account["currency"] != ask.currency:
            return "currency_mismatch"
        if sum(account["lines"]) < ask.amount_minor:
            return "funds_insufficient", {
                "shortfall_minor": ask.amount_minor - sum(account["lines"])
            }
        account["lines"].append(-ask.amount_minor)
        self.cash[ask.currency] = self.cash.get(ask.currency, 0) + ask.amount_minor
        return None

    def transfer(self, _entry_id: str, ask: Any) -> Any:  # noqa: PLR0911 - one a rule
        payer, payee = self.named(ask.from_account), self.named(ask.to_account)
        if ask.from_account == ask.to_account or (payer and payer is payee):
            return "same_account"
        if not payer or not payee:
            return "account_unknown"
        if payer["closed"] or payee["closed"]:
            return "account_closed"
        if {payer["currency"], payee["currency"]} != {ask.currency}:
            return "currency_mismatch"
        if sum(payer["lines"]) < ask.amount_minor:
            return "funds_insufficient", {"shortfall_minor": ask.amount_minor - sum(payer["lines"])}
        if sum(payee["lines"]) + ask.amount_minor > LARGEST:
            return "limit_exceeded"
        payer["lines"].append(-ask.amount_minor)
        payee["lines"].append(ask.amount_minor)
        return None
