"""Entries: the needs and the kind of each action, and its way through JSON."""

from typing import get_args

import msgspec
import pytest
from msgspec.structs import replace

from accounts_bank.audit.records import record_of
from accounts_bank.ledger.actions import (
    Action,
    AskApproval,
    Bulk,
    BulkMode,
    CancelSchedule,
    Capture,
    ChangeAccount,
    CloseAccount,
    Deposit,
    Every,
    Expire,
    FreezeAccount,
    GrantApproval,
    Hold,
    Leave,
    OpenAccount,
    RefuseApproval,
    RenameAccount,
    Reversal,
    Schedule,
    SetCreditLimit,
    SetDailyLimit,
    SetRole,
    Transfer,
    UnfreezeAccount,
    Void,
    Withdrawal,
)
from accounts_bank.ledger.entries import Entry, Needs, needs, recorded_as
from accounts_bank.ledger.iban import numbers_for
from accounts_bank.ledger.values import Status
from tests.helpers import START

TILL = "till-eur-7"
KINDS = [  # action, kind, accounts, customers, earlier entry
    (OpenAccount("o", "Secret", "EUR"), "account_opened", numbers_for("id"), ["o"], None),
    (RenameAccount("a", "Secret", "Secret"), "account_renamed", ["a"], [], None),
    (
        ChangeAccount("a", {"Secret": "Secret"}, "Secret", {"Secret": "Secret"}, "Secret"),
        "account_changed",
        ["a"],
        [],
        None,
    ),
    (
        Transfer("a", "b", 1, "EUR", metadata={"Secret": "Secret"}),
        "transfer",
        ["a", "b"],
        [],
        None,
    ),
    (CloseAccount("a", "o"), "account_closed", ["a"], ["o"], None),
    (FreezeAccount("a"), "account_frozen", ["a"], [], None),
    (UnfreezeAccount("a"), "account_unfrozen", ["a"], [], None),
    (SetCreditLimit("a", 5), "credit_limit_set", ["a"], [], None),
    (SetDailyLimit("a", None), "daily_limit_set", ["a"], [], None),
    (Leave("o"), "customer_left", [], ["o"], None),
    (Deposit("a", 1, "EUR", "Secret"), "deposit", ["a", TILL], [], None),
    (Withdrawal("a", 1, "EUR", "Secret"), "withdrawal", ["a", TILL], [], None),
    (Transfer("a", "b", 1, "EUR", "Secret"), "transfer", ["a", "b"], [], None),
    (Transfer("a", "b", 1, "EUR", "Secret", "m"), "transfer", ["a", "b"], [], None),
    (Transfer("a", "b", 1, "EUR", schedule_id="s"), "transfer", ["a", "b"], [], "s"),
    (Bulk(BulkMode.STOP, 0, "d"), "bulk", [], [], None),
    (Reversal("t", "b", "a", None, "Secret"), "reversal", ["a", "b"], [], "t"),
    (Hold("a", "b", 1, "EUR", 60, "Secret"), "hold", ["a", "b"], [], None),
    (Capture("h", "a", "b"), "capture", ["a", "b"], [], "h"),
    (Void("h", "a"), "void", ["a"], [], "h"),
    (Expire("h", "a"), "expiry", ["a"], [], "h"),
    (
        Schedule("a", "b", 1, "EUR", START, Every.MONTH, 2, "Secret"),
        "schedule",
        ["a", "b"],
        [],
        None,
    ),
    (CancelSchedule("s", "a"), "schedule_cancelled", ["a"], [], "s"),
    (SetRole("o", "teller"), "role_set", [], ["o"], None),
    (
        AskApproval(Deposit("a", 1, "EUR", "Secret"), 60),
        "approval_asked",
        ["a", TILL],
        [],
        None,
    ),
    (
        AskApproval(Reversal("t", "b", "a", 5, "Secret"), 60, transfer_id="t"),
        "approval_asked",
        ["a", "b"],
        [],
        "t",
    ),
    (
        AskApproval(SetRole("o", "teller"), 60, user_id="o"),
        "approval_asked",
        [],
        ["o"],
        None,
    ),
    (GrantApproval("q", "a"), "approval_granted", ["a"], [], "q"),
    (RefuseApproval("q", user_id="o"), "approval_refused", [], ["o"], "q"),
]


def entry(action: Action) -> Entry:
    return Entry("id", "caller", START, action, till=7)


def test_the_table_has_every_action():
    assert {type(action) for action, *_ in KINDS} == set(get_args(Action))


@pytest.mark.parametrize(("action", "kind", "accounts", "customers", "earlier"), KINDS)
def test_an_action_needs(action, kind, accounts, customers, earlier):
    about = frozenset({earlier} - {None})
    wanted = Needs(frozenset(accounts), frozenset(customers), about | {"id"}, about)
    assert needs([entry(action)]) == wanted
    assert entry(action).kind == kind


def test_the_needs_of_a_batch_join_the_needs_of_its_entries():
    asked = [entry(Capture("h", "a", "b")), replace(entry(Leave("o")), id="other")]
    assert needs(asked) == Needs(
        frozenset("ab"), frozenset("o"), frozenset(("id", "h", "other")), frozenset("h")
    )
    assert needs([]) == Needs()


@pytest.mark.parametrize("action", [action for action, *_ in KINDS])
def test_an_action_survives_json(action):
    assert msgspec.json.decode(msgspec.json.encode(action), type=Action) == action


@pytest.mark.parametrize(("action", "kind"), [(action, kind) for action, kind, *_ in KINDS])
def test_the_audit_record_has_no_personal_data(action, kind):
    record = record_of(recorded_as(entry(action), Status.RECORDED, START, (), ()))
    assert (record["event"], record["actor_id"], record["outcome"]) == (kind, "caller", "recorded")
    assert "Secret" not in msgspec.json.encode(record).decode()
    known = msgspec.to_builtins(action)
    inner = known.get("action")
    if inner:
        known["action"] = {name: inner[name] for name in inner if name != "reference"}
    unsaid = {"type", "name", "expected_name", "reference", "metadata", "expected_metadata"}
    asked = msgspec.to_builtins(record["asked"])
    assert ("metadata_digest" in asked) is ("metadata" in known)
    asked.pop("metadata_digest", None)
    assert asked == {name: known[name] for name in known if name not in unsaid}
