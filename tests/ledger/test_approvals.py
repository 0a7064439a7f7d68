"""Approvals: a second person grants or refuses an action of staff, once and in time."""

from datetime import timedelta

import pytest

from accounts_bank.ledger.actions import (
    Approvable,
    AskApproval,
    Deposit,
    GrantApproval,
    RefuseApproval,
    SetCreditLimit,
    SetRole,
    Withdrawal,
)
from accounts_bank.ledger.entries import Entry
from tests.helpers import START
from tests.ledger.bank import Bank

LATER = START + timedelta(seconds=60)


class Desk(Bank):
    """A bank with a request of a teller that waits for a second person."""

    def __init__(self, **balances_minor: int) -> None:
        super().__init__(**balances_minor)
        self.action: Approvable = Deposit(self.opened["ada"], 500, "EUR")

    def asks(self, action: Approvable | None = None, entry_id: str = "asked") -> str:
        self.action = action or self.action
        user_id = self.action.user_id if isinstance(self.action, SetRole) else None
        ask = AskApproval(self.action, 60, user_id)
        (outcome,) = self.store.append([Entry(entry_id, "tom", START, ask)])
        return str(outcome.status)

    def subject(self) -> dict[str, str]:
        if isinstance(self.action, SetRole):
            return {"user_id": self.action.user_id}
        return {"account": self.opened["ada"]}

    def grants(self, entry_id: str = "grant", by: str = "tess", at=START) -> tuple[str, str]:
        grant = GrantApproval("asked", **self.subject())
        part = Entry("granted", "tom", at, self.action)
        head, done = self.store.append([Entry(entry_id, by, at, grant), part])
        return str(head.status), str(done.status)

    def refuses(self, entry_id: str = "refuse", by: str = "tess", at=START) -> str:
        refusal = RefuseApproval("asked", **self.subject())
        (outcome,) = self.store.append([Entry(entry_id, by, at, refusal)])
        return str(outcome.status)

    def has(self) -> int:
        self.proven()
        return self.balances()["ada"]


@pytest.fixture
def desk():
    return Desk(ada=100)


def test_a_request_moves_no_money_and_its_grant_does(desk):
    assert desk.asks() == "recorded"
    assert desk.has() == 100
    assert desk.grants() == ("recorded", "recorded")
    assert desk.has() == 600
    assert [line.kind for line in desk.lines("ada")] == ["deposit", "deposit"]


def test_a_request_that_the_ledger_would_refuse_is_refused_at_once(desk):
    assert desk.asks(Withdrawal(desk.opened["ada"], 101, "EUR")) == "funds_insufficient"
    assert desk.grants() == ("entry_unknown", "bulk_aborted")


def test_its_maker_never_decides_a_request(desk):
    desk.asks()
    assert desk.grants(by="tom") == ("own_approval", "bulk_aborted")
    assert desk.refuses(by="tom") == "own_approval"
    assert desk.has() == 100
    assert desk.grants("second") == ("recorded", "recorded")


def test_a_second_grant_pays_nothing(desk):
    desk.asks()
    desk.grants()
    assert desk.grants("second", by="tina") == ("approval_granted", "recorded")
    assert desk.grants("grant") == ("recorded", "recorded")
    assert desk.refuses() == "approval_granted"
    assert desk.has() == 600


def test_a_refused_request_is_never_granted(desk):
    desk.asks()
    assert desk.refuses() == "recorded"
    assert desk.grants() == ("approval_refused", "bulk_aborted")
    assert desk.refuses("again") == "approval_refused"
    assert desk.has() == 100


@pytest.mark.parametrize(("before_s", "status"), [(1, "recorded"), (0, "approval_expired")])
def test_a_request_expires(desk, before_s, status):
    desk.asks()
    assert desk.grants(at=LATER - timedelta(seconds=before_s))[0] == status


def test_a_request_is_not_refused_past_its_time(desk):
    desk.asks()
    assert desk.refuses(at=LATER) == "approval_expired"


def test_a_grant_decides_with_the_books_of_its_own_time(desk):
    desk.asks(Withdrawal(desk.opened["ada"], 80, "EUR"))
    desk.ask(Withdrawal(desk.opened["ada"], 50, "EUR"))
    assert desk.grants() == ("funds_insufficient", "bulk_aborted")
    assert desk.grants("grant") == ("funds_insufficient", "bulk_aborted")
    assert desk.has() == 50
    desk.ask(Deposit(desk.opened["ada"], 30, "EUR"))
    assert desk.grants("later") == ("recorded", "recorded")
    assert desk.has() == 0


def test_a_limit_and_a_role_wait_too(desk):
    desk.asks(SetCreditLimit(desk.opened["ada"], 300))
    assert desk.account("ada").floor_minor == 0
    assert desk.grants() == ("recorded", "recorded")
    assert desk.account("ada").floor_minor == -300
    other = Desk(ada=0)
    assert other.asks(SetRole("owner-ada", "teller")) == "recorded"
    assert other.grants() == ("recorded", "recorded")
    other.proven()


def test_a_grant_names_the_account_that_it_locks(desk):
    desk.asks()
    wrong = Entry("x", "tess", START, GrantApproval("asked", user_id="owner-ada"))
    head, done = desk.store.append([wrong, Entry("granted", "tom", START, desk.action)])
    assert (head.status, done.status) == ("entry_unknown", "bulk_aborted")


@pytest.mark.parametrize("amount_minor", [None, 501])
def test_a_grant_is_followed_by_the_action_that_was_asked_for(desk, amount_minor):
    desk.asks()
    grant = Entry("x", "tess", START, GrantApproval("asked", desk.opened["ada"]))
    other = Deposit(desk.opened["ada"], amount_minor or 1, "EUR")
    part = [Entry("granted", "tom", START, other)] if amount_minor else []
    with pytest.raises(ValueError, match="is not followed by"):
        desk.store.append([grant, *part])
    assert desk.has() == 100


def test_a_refused_grant_without_a_key_leaves_no_row(desk):
    desk.asks(Withdrawal(desk.opened["ada"], 80, "EUR"))
    desk.ask(Withdrawal(desk.opened["ada"], 50, "EUR"))
    random_id = "01a225d0-ba44-7312-9c4c-c2e598b6e490"
    assert desk.grants(random_id) == ("funds_insufficient", "bulk_aborted")
    assert desk.store.entry(random_id) is None
    assert desk.has() == 50
