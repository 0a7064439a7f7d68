"""The plain model of approvals: the rules of the ledger a second time, in simple form."""

from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from tests.stores.model_accounts import Accounts

Told = tuple[str, dict[str, int], bool]


class Approvals(Accounts):
    """Requests for approval, by the id of their entry; and the outcome of each entry."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: dict[str, dict[str, Any]] = {}
        self.said: dict[str, tuple[Any, str, dict[str, int]]] = {}

    def tell(self, entry: Any) -> Told:
        raise NotImplementedError

    def tell_grant(self, head: Any, part: Any) -> list[Told]:
        is_known, before = head.id in self.said, deepcopy(vars(self))
        told = self.tell(head)
        if is_known or told[0] != "recorded":
            return [told, self.tell_left_over(part)]
        done = self.tell(part)
        if done[0] == "recorded":
            return [told, done]
        vars(self).update(before)
        self.said[head.id] = head.action, done[0], done[1]
        return [(done[0], done[1], False), self.tell_left_over(part)]

    def tell_left_over(self, part: Any) -> Told:
        return self.tell(part) if part.id in self.said else ("bulk_aborted", {}, False)

    def role_set(self, _id: str, _ask: Any, _at: datetime) -> None:
        return None

    def approval_asked(self, entry_id: str, ask: Any, at: datetime) -> Any:
        before = deepcopy(vars(self))
        answer = getattr(self, ask.action.__struct_config__.tag)(entry_id, ask.action, at)
        vars(self).update(before)
        if answer:
            return answer
        self.requests[entry_id] = {
            "by": self.caller,
            "subject": ask.subject,
            "until": at + timedelta(seconds=ask.expires_in_s),
            "stage": "open",
        }
        self.entry_ref("bank", "approval_asked", at, entry_id)
        return None

    def approval_granted(self, entry_id: str, ask: Any, at: datetime) -> str | None:
        return self.decided(entry_id, ask, at, "granted")

    def approval_refused(self, entry_id: str, ask: Any, at: datetime) -> str | None:
        return self.decided(entry_id, ask, at, "refused")

    def decided(self, entry_id: str, ask: Any, at: datetime, stage: str) -> str | None:
        request = self.requests.get(ask.approval_id)
        if not request or request["subject"] != (ask.account or ask.user_id):
            return "entry_unknown"
        if request["by"] == self.caller:
            return "own_approval"
        if request["stage"] != "open":
            return f"approval_{request['stage']}"
        if request["until"] <= at:
            return "approval_expired"
        request["stage"] = stage
        self.entry_ref(ask.approval_id, f"approval_{stage}", at, entry_id)
        return None
