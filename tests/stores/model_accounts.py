"""The plain model of accounts: the rules of the ledger a second time, in simple form."""

from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET

from accounts_bank.ledger.refs import pair_id

LARGEST = 2**53 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Accounts:
    """Accounts, customers and holds, by id; cash by currency."""

    def __init__(self) -> None:
        self.accounts: dict[str, dict[str, Any]] = {}
        self.cash: dict[str, dict[str, Any]] = {}
        self.left: set[str] = set()
        self.caller = ""
        self.holds: dict[str, dict[str, Any]] = {}
        self.found: dict[tuple[str, str], list[tuple[datetime, str]]] = {}

    def named(self, name: str) -> dict[str, Any] | None:
        found = [each for each in self.accounts.values() if name in {each["id"], each["number"]}]
        return found[0] if found else None

    def open_of(self, owner: str) -> int:
        mine = [each for each in self.accounts.values() if each["owner"] == owner]
        return sum(each["status"] != "closed" for each in mine)

    def held(self, account: dict[str, Any]) -> int:
        mine = [each for each in self.holds.values() if each["payer"] == account["id"]]
        return sum(each["amount"] for each in mine if each["stage"] == "open")

    def available(self, account: dict[str, Any]) -> int:
        return sum(account["lines"]) - self.held(account) + account["credit"]

    def has_room(self, account: dict[str, Any], amount: int) -> bool:
        return sum(account["lines"]) + account["credit"] + amount <= LARGEST

    def till(self, currency: str) -> dict[str, Any]:
        return self.cash.setdefault(currency, {"lines": [], "times": []})

    def entry_ref(self, of_id: str, kind: str, at: datetime, entry_id: str) -> None:
        found = self.found.setdefault((of_id, kind), [])
        if (at, entry_id) not in found:
            found.append((at, entry_id))

    def listed(self, kind: str, ask: Any, at: datetime, entry_id: str, *owners: str) -> None:
        """List an entry under customers, and under each of its pairs for each of them."""
        for owner in owners:
            self.entry_ref(owner, kind, at, entry_id)
            for name, value in (ask.metadata or {}).items():
                self.entry_ref(pair_id(owner, name, value), kind, at, entry_id)

    # What an account is asked.

    def account_opened(self, entry_id: str, ask: Any, _at: datetime) -> str | None:
        if ask.owner_id in self.left:
            return "customer_left"
        self.accounts[entry_id] = {
            "id": entry_id,
            "number": None,
            "owner": ask.owner_id,
            "name": ask.name,
            "currency": ask.currency,
            "metadata": dict(ask.metadata or {}),
            "status": "open",
            "credit": 0,
            "limit": None,
            "spent": {},
            "lines": [],
            "times": [],
        }
        return None

    def changed(self, called: str, **new: Any) -> str | None:
        account = self.named(called)
        if not account:
            return "account_unknown"
        if account["status"] == "closed":
            return "account_closed"
        account |= new
        return None

    def account_renamed(self, _id: str, ask: Any, _at: datetime) -> str | None:
        account = self.named(ask.account)
        is_open = account is not None and account["status"] != "closed"
        if is_open and ask.expected_name not in {None, account["name"]}:
            return "precondition_failed"
        return self.changed(ask.account, name=ask.name)

    def account_changed(self, _id: str, ask: Any, _at: datetime) -> str | None:
        account = self.named(ask.account)
        is_open = account is not None and account["status"] != "closed"
        if is_open and ask.expected_name not in {None, account["name"]}:
            return "precondition_failed"
        if is_open and ask.expected_metadata not in (UNSET, account["metadata"]):
            return "precondition_failed"
        name = {} if ask.name is None else {"name": ask.name}
        return self.changed(ask.account, metadata=dict(ask.metadata), **name)

    def account_frozen(self, _id: str, ask: Any, _at: datetime) -> str | None:
        return self.changed(ask.account, status="frozen")

    def account_unfrozen(self, _id: str, ask: Any, _at: datetime) -> str | None:
        return self.changed(ask.account, status="open")

    def daily_limit_set(self, _id: str, ask: Any, _at: datetime) -> str | None:
        return self.changed(ask.account, limit=ask.daily_limit_minor)

    def credit_limit_set(self, _id: str, ask: Any, _at: datetime) -> Any:
        account = self.named(ask.account)
        if account and account["status"] != "closed":
            short = self.held(account) - sum(account["lines"]) - ask.credit_limit_minor
            if short > 0:
                return "funds_insufficient", {"shortfall_minor": short}
            if sum(account["lines"]) + ask.credit_limit_minor > LARGEST:
                return "limit_exceeded"
        return self.changed(ask.account, credit=ask.credit_limit_minor)

    def account_closed(self, _id: str, ask: Any, _at: datetime) -> Any:
        account = self.named(ask.account)
        if not account or account["owner"] != ask.owner_id:
            return "account_unknown"
        if account["status"] == "frozen":
            return "account_frozen"
        if self.held(account):
            return "holds_open", {"held_minor": self.held(account)}
        if sum(account["lines"]):
            return "balance_not_zero", {"balance_minor": sum(account["lines"])}
        account["status"] = "closed"
        return None

    def customer_left(self, _id: str, ask: Any, _at: datetime) -> Any:
        if self.open_of(ask.owner_id):
            return "accounts_open", {"open_accounts": self.open_of(ask.owner_id)}
        self.left.add(ask.owner_id)
        return None

    # What moves money.

    def move(self, payer: dict[str, Any], payee: dict[str, Any], amount: int, at: Any) -> datetime:
        at = max([at, *payer["times"], *payee["times"]])
        for account, change in ((payer, -amount), (payee, amount)):
            account["lines"].append(change)
            account["times"].append(at)
        return at

    def wrong(self, payer: Any, payee: Any, currency: str) -> str | None:
        if "closed" in {payer["status"], payee["status"]}:
            return "account_closed"
        if payer["status"] == "frozen":
            return "account_frozen"
        return "currency_mismatch" if {payer["currency"], payee["currency"]} != {currency} else None

    def spend(self, payer: Any, payee: Any, amount: int, at: datetime) -> Any:
        """Return the refusal of spending an amount; where there is none, count it."""
        if self.available(payer) < amount:
            return "funds_insufficient", {"shortfall_minor": amount - self.available(payer)}
        if payer["limit"] is None:
            return None
        day = (max([at, *payer["times"], *payee["times"]]) - EPOCH).days
        day = max([day, *payer["spent"]])
        spent = payer["spent"].get(day, 0)
        if spent + amount > payer["limit"]:
            return "limit_exceeded", {"left_minor": max(0, payer["limit"] - spent)}
        payer["spent"][day] = spent + amount
        return None

    def deposit(self, entry_id: str, ask: Any, at: datetime) -> str | None:
        account = self.named(ask.account)
        if not account:
            return "account_unknown"
        if account["status"] == "closed":
            return "account_closed"
        if account["currency"] != ask.currency:
            return "currency_mismatch"
        if not self.has_room(account, ask.amount_minor):
            return "limit_exceeded"
        at = self.move(self.till(ask.currency), account, ask.amount_minor, at)
        self.listed("deposit", ask, at, entry_id, account["owner"])
        return None

    def withdrawal(self, entry_id: str, ask: Any, at: datetime) -> Any:
        account, till = self.named(ask.account), self.till(ask.currency)
        if not account:
            return "account_unknown"
        wrong = self.wrong(account, account, ask.currency)
        wrong = wrong or self.spend(account, till, ask.amount_minor, at)
        if not wrong:
            at = self.move(account, till, ask.amount_minor, at)
            self.listed("withdrawal", ask, at, entry_id, account["owner"])
        return wrong

    def unfit(self, ask: Any) -> str | None:
        payer, payee = self.named(ask.from_account), self.named(ask.to_account)
        if not payer or payer["owner"] != self.caller:
            return "not_found"
        if payer is payee:
            return "same_account"
        if not payee:
            return "account_unknown"
        return self.wrong(payer, payee, ask.currency)
