"""The plain model: the rules of the ledger a second time, in simple dictionaries.

It knows entries and statuses by name and nothing else of the code that it checks.
"""

from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from tests.stores.model_approvals import Approvals, Told

STEPS = {"day": timedelta(days=1), "week": timedelta(days=7)}


class Model(Approvals):
    """Transfers, holds and schedules by id, and the outcome of each entry."""

    def __init__(self) -> None:
        super().__init__()
        self.plans: dict[str, dict[str, Any]] = {}
        self.sent: dict[str, dict[str, Any]] = {}

    def tell_all(self, entries: list[Any]) -> list[Told]:
        """Answer status, details and whether it is a replay, for each entry of a batch."""
        told, rest = [], list(entries)
        while rest:
            entry = rest.pop(0)
            if entry.kind == "bulk":
                parts, rest = rest[: entry.action.count], rest[entry.action.count :]
                told += self.tell_bulk(entry, parts)
            elif entry.kind == "approval_granted":
                told += self.tell_grant(entry, rest.pop(0))
            else:
                told.append(self.tell(entry))
        return told

    def tell_bulk(self, head: Any, parts: list[Any]) -> list[Told]:
        known = self.said.get(head.id)
        if known and known[0] != head.action:
            return [("key_reused", {}, False) for _ in (head, *parts)]
        if head.action.mode == "atomic":
            return self.tell_atomic(head, parts, is_known=bool(known))
        told = [self.tell(head)]
        for part in parts:
            if head.action.mode == "stop" and told[-1][0] != "recorded":
                told.append(("bulk_stopped", {}, False))
            else:
                told.append(self.tell(part))
        return told

    def tell_atomic(self, head: Any, parts: list[Any], *, is_known: bool) -> list[Told]:
        before = deepcopy(vars(self))
        told = [self.tell(each) for each in (head, *parts)] if not is_known else []
        refused = [n for n, (status, _, _) in enumerate(told) if status != "recorded"]
        if refused:
            vars(self).update(before)
            status, details, _ = told[refused[0]]
            part = parts[refused[0] - 1]
            self.said[head.id] = head.action, "bulk_aborted", {"index": refused[0] - 1}
            self.said[part.id] = part.action, status, details
        nothing: tuple[Any, str, dict[str, int]] = (None, "bulk_aborted", {})
        return [
            (*self.said.get(each.id, nothing)[1:], is_known and each.id in self.said)
            for each in (head, *parts)
        ]

    def tell(self, entry: Any) -> Told:
        if entry.id in self.said:
            before, status, details = self.said[entry.id]
            return (status, details, True) if before == entry.action else ("key_reused", {}, False)
        self.caller = entry.caller_id
        answer = getattr(self, entry.kind)(entry.id, entry.action, entry.at)
        status, details = answer if isinstance(answer, tuple) else (answer or "recorded", {})
        parts = {getattr(entry.action, "bulk_id", None), getattr(entry.action, "schedule_id", None)}
        if status != "not_found" or parts != {None}:
            self.said[entry.id] = entry.action, status, details
        return status, details, False

    def transfer(self, entry_id: str, ask: Any, at: datetime) -> Any:
        plan = self.plans.get(ask.schedule_id)
        if ask.schedule_id is not None:
            payer = self.named(ask.from_account)
            if not plan or not payer or payer["id"] != plan["payer"]:
                return "entry_unknown"
            if plan["stage"] != "open":
                return "schedule_ended"
        answer, moved_at = self.pay(entry_id, ask, at)
        if plan:
            plan["runs"] += 1
            self.entry_ref(ask.schedule_id, "transfer", moved_at, entry_id)
            if answer == "account_closed" or due_of(plan) is None:
                plan["stage"] = "ended"
        return answer

    def pay(self, entry_id: str, ask: Any, at: datetime) -> tuple[Any, datetime]:
        payer, payee = self.named(ask.from_account), self.named(ask.to_account)
        unfit = self.unfit(ask)
        if unfit or not payer or not payee:
            return unfit, at
        before = dict(payer["spent"])
        wrong = self.spend(payer, payee, ask.amount_minor, at)
        if not wrong and not self.has_room(payee, ask.amount_minor):
            payer["spent"], wrong = before, "limit_exceeded"
        if wrong:
            return wrong, at
        at = self.move(payer, payee, ask.amount_minor, at)
        self.sent[entry_id] = {
            "payer": payer,
            "payee": payee,
            "amount": ask.amount_minor,
            "back": 0,
        }
        self.listed("transfer", ask, at, entry_id, payer["owner"], payee["owner"])
        return None, at

    def bulk(self, _id: str, _ask: Any, _at: datetime) -> None:
        return None

    def reversal(self, entry_id: str, ask: Any, at: datetime) -> Any:
        sent = self.sent.get(ask.transfer_id)
        way = (sent["payee"]["id"], sent["payer"]["id"]) if sent else None
        if not sent or (ask.from_account, ask.to_account) != way:
            return "entry_unknown"
        payer, payee, left = sent["payee"], sent["payer"], sent["amount"] - sent["back"]
        amount = left if ask.amount_minor is None else ask.amount_minor
        wrong: Any = self.wrong(payer, payee, payer["currency"])
        if not wrong and (amount > left or not left):
            wrong = "reversal_too_large", {"left_minor": left}
        if not wrong and self.available(payer) < amount:
            wrong = "funds_insufficient", {"shortfall_minor": amount - self.available(payer)}
        if not wrong and not self.has_room(payee, amount):
            wrong = "limit_exceeded"
        if wrong:
            return wrong
        at = self.move(payer, payee, amount, at)
        sent["back"] += amount
        self.entry_ref(ask.transfer_id, "reversal", at, entry_id)
        return None

    # What is promised.

    def hold(self, entry_id: str, ask: Any, at: datetime) -> Any:
        payer, payee = self.named(ask.from_account), self.named(ask.to_account)
        unfit = self.unfit(ask)
        if unfit or not payer or not payee:
            return unfit
        wrong = self.spend(payer, payee, ask.amount_minor, at)
        if wrong:
            return wrong
        self.holds[entry_id] = {
            "payer": payer["id"],
            "to": ask.to_account,
            "amount": ask.amount_minor,
            "until": at + timedelta(seconds=ask.expires_in_s),
            "stage": "open",
            "done": 0,
        }
        self.listed("hold", ask, at, entry_id, payer["owner"], payee["owner"])
        return None

    def hold_of(self, ask: Any) -> dict[str, Any] | None:
        hold, payer = self.holds.get(ask.hold_id), self.named(ask.from_account)
        return hold if hold and payer and hold["payer"] == payer["id"] else None

    def capture(self, entry_id: str, ask: Any, at: datetime) -> Any:
        hold, payer, payee = (
            self.hold_of(ask),
            self.named(ask.from_account),
            self.named(ask.to_account),
        )
        if not hold or not payer or not payee or hold["to"] != ask.to_account:
            return "entry_unknown"
        wrong = ended(hold, at) or self.wrong(payer, payee, payer["currency"])
        if wrong:
            return wrong
        amount = hold["amount"] if ask.amount_minor is None else ask.amount_minor
        if amount > hold["amount"]:
            return "capture_too_large", {"held_minor": hold["amount"]}
        if not self.has_room(payee, amount):
            return "limit_exceeded"
        hold |= {"stage": "captured", "done": amount}
        at = self.move(payer, payee, amount, at)
        self.entry_ref(ask.hold_id, "capture", at, entry_id)
        return None

    def void(self, entry_id: str, ask: Any, at: datetime) -> str | None:
        hold = self.hold_of(ask)
        if not hold:
            return "entry_unknown"
        if ended(hold, at):
            return ended(hold, at)
        hold["stage"] = "voided"
        self.entry_ref(ask.hold_id, "void", at, entry_id)
        return None

    def expiry(self, entry_id: str, ask: Any, at: datetime) -> str | None:
        hold = self.hold_of(ask)
        if not hold:
            return "entry_unknown"
        if hold["stage"] != "open":
            return f"hold_{hold['stage']}"
        if at < hold["until"]:
            return "precondition_failed"
        hold["stage"] = "expired"
        self.entry_ref(ask.hold_id, "expiry", at, entry_id)
        return None

    def schedule(self, entry_id: str, ask: Any, at: datetime) -> str | None:
        payer, unfit = self.named(ask.from_account), self.unfit(ask)
        if not payer or unfit in {"not_found", "same_account", "account_unknown"}:
            return unfit
        if at - ask.first_at > timedelta(seconds=60):
            return "first_run_past"
        if unfit:
            return unfit
        self.plans[entry_id] = {"payer": payer["id"], "ask": ask, "runs": 0, "stage": "open"}
        self.listed("schedule", ask, at, entry_id, payer["owner"])
        return None

    def schedule_cancelled(self, entry_id: str, ask: Any, at: datetime) -> str | None:
        plan, payer = self.plans.get(ask.schedule_id), self.named(ask.from_account)
        if not plan or not payer or plan["payer"] != payer["id"]:
            return "entry_unknown"
        if plan["stage"] != "open":
            return "schedule_ended"
        plan["stage"] = "cancelled"
        self.entry_ref(ask.schedule_id, "schedule_cancelled", at, entry_id)
        return None

    def promises(self) -> dict[str, tuple[str, int, int, datetime | None]]:
        """Return stage, amount, count and due time, by the entry's id."""
        of_holds = {
            each: (hold["stage"], hold["done"], 0, hold["until"] if is_open(hold) else None)
            for each, hold in self.holds.items()
        }
        of_plans = {
            each: (plan["stage"], 0, plan["runs"], due_of(plan) if is_open(plan) else None)
            for each, plan in self.plans.items()
        }
        backs = {each: ("open", s["back"], 0, None) for each, s in self.sent.items() if s["back"]}
        requests = {each: (kept["stage"], 0, 0, None) for each, kept in self.requests.items()}
        return (
            of_holds | of_plans | requests | {each: back for each, back in backs.items() if back[1]}
        )


def is_open(promise: dict[str, Any]) -> bool:
    return bool(promise["stage"] == "open")


def ended(hold: dict[str, Any], at: datetime) -> str | None:
    if hold["stage"] != "open":
        return f"hold_{hold['stage']}"
    return "hold_expired" if hold["until"] <= at else None


def due_of(plan: dict[str, Any]) -> datetime | None:
    """Say when the next run is due: counted by hand, a month of 30 days has no 31st."""
    ask, number = plan["ask"], plan["runs"]
    if number >= (1 if ask.every == "once" else ask.count or number + 1):
        return None
    due: datetime = ask.first_at
    if ask.every != "month":
        return due + STEPS.get(str(ask.every), timedelta()) * number
    months = due.year * 12 + due.month - 1 + number
    for day in range(due.day, 0, -1):
        try:
            return due.replace(year=months // 12, month=months % 12 + 1, day=day)
        except ValueError:
            continue
    return None
