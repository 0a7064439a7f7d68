"""GET /v1/events: each party sees its own, once and in order."""

from threading import Thread
from typing import Any

import pytest

from accounts_bank.events import waiting as places
from accounts_bank.events.types import EventType
from accounts_bank.identity import Caller, Role
from tests.helpers import AUDITOR, TELLER, Http, code
from tests.stores.books import at_once
from tests.waiting import within


def events(caller, query: str = "limit=100"):
    answer = caller("GET", f"/v1/events?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json["data"]


def types(caller, query: str = "limit=100") -> list[str]:
    return [each["type"] for each in events(caller, query)]


@pytest.fixture
def pair(http):
    ada, bob = http.joined("ada"), http.joined("bob")
    return ada, ada.opened(100), bob, bob.opened()


def pay(caller, kind: str, payer, payee, amount_minor: int, **more):
    fields = {"from_account": payer["id"], "to_account": payee["number"], "currency": "EUR"}
    key = more.pop("key", None)
    answer = caller("POST", f"/v1/{kind}", fields | {"amount_minor": amount_minor} | more, key=key)
    assert answer.status_code in {201, 422}, answer.text
    return answer.json


def test_both_sides_of_a_transfer_see_their_own_part(pair):
    ada, hers, bob, his = pair
    made = pay(ada, "transfers", hers, his, 30, reference="rent")
    *_, sent = events(ada)
    *_, received = events(bob)
    both = {
        "entry_id": made["id"],
        "transfer_id": made["id"],
        "from_account_id": hers["id"],
        "to_account_id": his["id"],
        "amount_minor": 30,
        "currency": "EUR",
        "reference": "rent",
    }
    assert sent["data"] == both | {"counterparty": his["number"], "balance_minor": 70}
    assert received["data"] == both | {"counterparty": hers["number"], "balance_minor": 30}
    assert (sent["type"], sent["account_id"], sent["line"]) == ("transfer.sent", hers["id"], 2)
    assert (received["type"], received["line"]) == ("transfer.received", 1)
    assert sent["number"] == received["number"]
    assert sent["at"] == received["at"] == made["at"]
    assert sent["id"] != received["id"]


def test_an_event_has_the_metadata_of_its_entry(pair):
    ada, hers, bob, his = pair
    order = {"order": "7"}
    pay(ada, "transfers", hers, his, 30, metadata=order)
    pay(ada, "transfers", hers, his, 31)
    pay(ada, "transfers", hers, his, 5_000, metadata=order, key="refused")
    assert [each["data"].get("metadata") for each in events(ada)[-3:]] == [order, None, order]
    assert [each["data"].get("metadata") for each in events(bob)[-2:]] == [order, None]


def test_an_event_is_the_same_for_ever(pair):
    ada, hers, bob, his = pair
    made = pay(ada, "transfers", hers, his, 30)
    before = events(ada), events(bob)
    bob("POST", f"/v1/transfers/{made['id']}/reversals", {"amount_minor": 10})
    ada("PATCH", f"/v1/accounts/{hers['id']}", {"name": "Other"})
    after = events(ada), events(bob)
    assert [each[: len(first)] for each, first in zip(after, before, strict=True)] == list(before)


def test_the_life_of_holds(pair):
    ada, hers, bob, his = pair
    hold = pay(ada, "holds", hers, his, 20)
    bob("POST", f"/v1/holds/{hold['id']}/capture", {"amount_minor": 5})
    other = pay(ada, "holds", hers, his, 10)
    bob("POST", f"/v1/holds/{other['id']}/void", {})
    told = ["hold.placed", "hold.captured", "hold.placed", "hold.voided"]
    assert types(bob) == ["account.opened", *told]
    placed, captured, _, voided = events(ada)[-4:]
    assert placed["data"]["hold_id"] == captured["data"]["hold_id"] == hold["id"]
    assert placed["data"]["expires_at"] == hold["expires_at"]
    assert (captured["data"]["amount_minor"], captured["line"]) == (5, 2)
    assert captured["data"]["balance_minor"] == 95
    assert (voided["data"]["hold_id"], voided["data"]["amount_minor"]) == (other["id"], 10)


def test_reversals_refusals_and_cash(pair):
    ada, hers, bob, his = pair
    made = pay(ada, "transfers", hers, his, 30)
    bob("POST", f"/v1/transfers/{made['id']}/reversals", {})
    pay(ada, "transfers", hers, his, 500, key="too much")
    pay(ada, "transfers", hers, his, 500)  # a refusal without a key leaves no trace
    ada("POST", "/v1/withdrawals", {"account": hers["id"], "amount_minor": 1, "currency": "EUR"})
    back, refused, out = events(ada)[-3:]
    assert (back["type"], back["data"]["transfer_id"]) == ("transfer.reversed", made["id"])
    assert back["data"]["from_account_id"] == his["id"]
    assert refused["type"] == "transfer.refused"
    assert refused["account_id"] == hers["id"]
    data = refused["data"]
    assert (data["code"], data["shortfall_minor"]) == ("funds_insufficient", 400)
    assert (out["type"], out["line"], out["data"]["balance_minor"]) == (
        "withdrawal.recorded",
        4,
        99,
    )
    assert "transfer.refused" not in types(bob)


def test_staff_changes_an_account(pair, http):
    ada, hers, _, _ = pair
    teller, path = http.signed_in(TELLER), f"/v1/accounts/{hers['id']}"
    teller("POST", f"{path}/freeze", {})
    teller("POST", f"{path}/unfreeze", {})
    teller("PUT", f"{path}/credit-limit", {"credit_limit_minor": 50})
    teller("PUT", f"{path}/daily-limit", {"daily_limit_minor": None})
    *_, frozen, unfrozen, credit, daily = events(ada)
    assert [each["type"] for each in (frozen, unfrozen)] == ["account.frozen", "account.unfrozen"]
    assert credit["type"] == daily["type"] == "account.limit_changed"
    assert credit["data"]["credit_limit_minor"] == 50
    assert daily["data"]["daily_limit_minor"] is None
    assert frozen["data"]["account_number"] == hers["number"]
    assert "reference" not in frozen["data"]


def test_lines_of_one_account_have_no_gap(pair):
    ada, hers, bob, his = pair
    second = ada.opened()
    for amount_minor in range(1, 6):
        pay(ada, "transfers", hers, second, amount_minor)
        pay(ada, "transfers", hers, his, amount_minor)
    for caller, account in ((ada, hers), (ada, second), (bob, his)):
        found = events(caller, f"limit=100&account={account['number']}")
        assert {each["account_id"] for each in found} == {account["id"]}
        lines = [each["line"] for each in found if "line" in each]
        assert lines == list(range(1, len(lines) + 1)) != []


def test_pages_join_by_cursor_and_by_number(pair):
    ada, hers, _, _ = pair
    second = ada.opened()
    for _ in range(4):
        pay(ada, "transfers", hers, second, 1)
    whole, by_cursor, path = events(ada), [], "/v1/events?limit=3"
    while path:
        answer = ada("GET", path)
        by_cursor += answer.json["data"]
        assert len(answer.json["data"]) <= 3
        cursor = answer.json["next_cursor"]
        path = cursor and f"/v1/events?limit=3&cursor={cursor}"
        assert ("Link" in answer.headers) is bool(cursor)
    assert by_cursor == whole
    by_number: list[dict] = []
    after = 0
    while found := events(ada, f"limit=1&after={after}"):
        assert len({each["number"] for each in found}) == 1
        by_number += found
        after = found[-1]["number"]
    assert by_number == whole
    assert len({each["id"] for each in whole}) == len(whole) == 11


def test_a_customer_sees_its_own_events_alone(pair, http):
    ada, hers, bob, his = pair
    assert code(bob("GET", f"/v1/events?account={hers['id']}")) == (404, "not_found")
    assert code(bob("GET", "/v1/events?account=nothing")) == (404, "not_found")
    assert {each["account_id"] for each in events(bob)} == {his["id"]}
    assert events(bob, "type=deposit.recorded") == []
    eve = http.joined("eve")
    assert events(eve) == []
    assert http("GET", "/v1/events").status_code == 401
    assert len(events(ada)) == 2


def test_an_auditor_sees_all_and_a_teller_the_account_that_it_names(pair, http):
    ada, hers, bob, his = pair
    pay(ada, "transfers", hers, his, 1)
    auditor, teller = http.signed_in(AUDITOR), http.signed_in(TELLER)
    found = events(auditor)
    assert [each["number"] for each in found] == sorted(each["number"] for each in found)
    assert {each["id"] for each in found} == {each["id"] for each in events(ada) + events(bob)}
    assert types(auditor, "type=transfer.received&limit=9") == ["transfer.received"]
    assert events(teller) == []
    for staff in (auditor, teller):
        assert events(staff, f"account={his['number']}") == events(bob)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("after=-1", "/after"),
        ("after=x", "/after"),
        ("type=transfer", "/type"),
        ("limit=0", "/limit"),
        ("limit=101", "/limit"),
        ("wait_s=21", "/wait_s"),
        ("wait_s=-1", "/wait_s"),
        ("cursor=x", "/cursor"),
        ("since=1", "/since"),
    ],
)
def test_a_wrong_query_is_refused_with_its_place(pair, query, pointer):
    answer = pair[0]("GET", f"/v1/events?{query}")
    assert code(answer) == (400, "invalid_request")
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]


def test_a_reader_that_waits_gets_the_next_event(pair):
    ada, hers, bob, his = pair
    after = events(bob)[-1]["number"]
    found = []
    reader = Thread(target=lambda: found.extend(events(bob, f"after={after}&wait_s=20")))
    reader.start()
    ada("PATCH", f"/v1/accounts/{hers['id']}", {"name": "no event of Bob's"})
    pay(ada, "transfers", hers, his, 7)
    reader.join(15)
    assert [each["data"]["amount_minor"] for each in found] == [7]


def waiting(app, caller, query: str) -> tuple[Thread, list[Any]]:
    """Let a caller wait for events; return the thread, and a list that gets the answer."""
    answers = list[Any]()
    reader = Thread(target=lambda: answers.append(caller("GET", f"/v1/events?{query}&wait_s=20")))
    reader.start()
    bell = app.extensions["accounts"].events.bell
    assert within(20, lambda: bell._places.total() == 1)
    return reader, answers


@pytest.mark.parametrize("how", ["key", "session"])
def test_a_reader_that_waits_gets_nothing_after_its_key_or_session_has_ended(pair, http, how):
    ada, hers, _, his = pair
    made = ada("POST", "/v1/api-keys", {"name": "reader", "scopes": ["events:read"]}).json
    caller = Http(http.app, made["secret"]) if how == "key" else http.signed_in("ada")
    reader, answers = waiting(http.app, caller, f"after={events(ada)[-1]['number']}")
    if how == "key":
        assert ada("DELETE", f"/v1/api-keys/{made['id']}").status_code == 204
    else:
        assert caller("POST", "/v1/auth/logout").status_code == 204
    pay(ada, "transfers", hers, his, 1)
    reader.join(30)
    assert code(answers[0]) == (401, "invalid_token")


def test_a_reader_that_waits_sees_as_much_as_its_new_role(pair, http):
    ada, hers, _, his = pair
    auditor, bank = http.signed_in(AUDITOR), http.app.extensions["accounts"]
    reader, answers = waiting(http.app, auditor, f"after={events(auditor)[-1]['number']}")
    (user,) = bank.users.find(AUDITOR)
    bank.users.change_role(Caller(user.id, Role.ADMIN, ""), user.id, Role.CUSTOMER)
    pay(ada, "transfers", hers, his, 1)
    bank.events.bell.close()  # ends the wait of the new role too
    reader.join(30)
    assert answers[0].json["data"] == []


def test_a_forged_cursor_is_behind_the_last_event(pair):
    ada, *_ = pair
    assert events(ada, "cursor=__________8") == []


def test_a_refused_item_beyond_a_key_names_its_payer_as_sent(pair, http):
    ada, hers, _, his = pair
    other = ada.opened(5)
    wish = {"name": "till", "scopes": ["payments:write"], "accounts": [hers["id"]]}
    key = Http(http.app, ada("POST", "/v1/api-keys", wish).json["secret"])
    ends = {"from_account": other["id"], "to_account": his["id"], "currency": "EUR"}
    body = {"mode": "each", "transfers": [ends | {"amount_minor": 1}]}
    assert key("POST", "/v1/transfers/bulk", body, key="k").status_code == 200
    (refused,) = events(ada, "type=transfer.refused")
    assert refused["data"]["from_account"] == other["id"]


def test_a_reader_that_finds_an_event_does_not_wait(pair, monkeypatch):
    monkeypatch.setattr(places.Bell, "place", None)
    assert types(pair[0], "wait_s=20") == ["account.opened", "deposit.recorded"]


def test_too_many_readers_that_wait_are_answered_at_once(pair, monkeypatch):
    monkeypatch.setattr(places, "WAITING_EACH_MAX", 0)
    assert events(pair[0], "after=99&wait_s=20") == []


def test_a_bank_that_ends_answers_each_reader_at_once(app, pair):
    app.extensions["accounts"].events.bell.close()
    assert events(pair[0], "after=99&wait_s=20") == []


def test_a_reader_that_follows_sees_each_event_once_while_eight_write(pair):
    ada, hers, bob, his = pair
    second, each_count = ada.opened(1_000), 12
    found, after = [], 0

    def write(number: int) -> None:
        for turn in range(each_count):
            payee = his if turn % 2 else hers
            pay(ada, "transfers", second, payee, 1, key=f"{number}-{turn}")

    writers = Thread(target=lambda: at_once(8, write))
    writers.start()
    while writers.is_alive() or events(ada, f"after={after}&limit=1"):
        page = events(ada, f"after={after}&limit=7&wait_s=1")
        found += page
        after = page[-1]["number"] if page else after
    writers.join()
    assert found == sorted(found, key=lambda each: each["number"])
    assert len({each["id"] for each in found}) == len(found) == 4 + 96 + 48
    for account in (hers, second):
        lines = [
            each["line"] for each in found if each["account_id"] == account["id"] and "line" in each
        ]
        assert lines == list(range(1, len(lines) + 1))
    assert len(events(bob)) == 1 + 48


def test_the_types_are_fixed_by_the_contract():
    assert {str(each) for each in EventType} == {
        "account.opened",
        "account.frozen",
        "account.unfrozen",
        "account.closed",
        "account.limit_changed",
        "deposit.recorded",
        "withdrawal.recorded",
        "transfer.sent",
        "transfer.received",
        "transfer.refused",
        "transfer.reversed",
        "hold.placed",
        "hold.captured",
        "hold.voided",
        "hold.expired",
        "schedule.run",
        "schedule.refused",
        "schedule.ended",
        "schedule.cancelled",
    }


def test_a_key_with_named_accounts_sees_their_events_alone(pair, http):
    ada, hers, _, _ = pair
    ada.opened(5)
    wish = {"name": "reader", "scopes": ["events:read"], "accounts": [hers["id"]]}
    made = ada("POST", "/v1/api-keys", wish)
    assert made.status_code == 201, made.text
    key = Http(http.app, made.json["secret"])
    assert {each["account_id"] for each in events(key)} == {hers["id"]}
    other = ada("POST", "/v1/api-keys", {"name": "other", "scopes": ["accounts:read"]}).json
    assert code(Http(http.app, other["secret"])("GET", "/v1/events")) == (403, "scope_missing")
