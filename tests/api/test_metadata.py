"""Metadata: the pairs that a caller adds to accounts and payments."""

import hashlib
import json

import pytest

from tests.helpers import AUDITOR, TELLER, code
from tests.waiting import within

PAIRS = {"order": "7", "Käse 🧀": "", "b": "x" * 500, "k" * 40: "1"}


@pytest.fixture
def ada(http):
    """Sign Ada up and in."""
    return http.joined("ada")


@pytest.fixture
def accounts(ada):
    """Open two accounts of Ada's, one with 1,000.00."""
    return ada.opened(100_000), ada.opened()


def bodies(accounts) -> dict:
    """Return a body for each path that takes metadata."""
    payer, payee = accounts
    money = {"amount_minor": 5, "currency": "EUR"}
    pair = {"from_account": payer["id"], "to_account": payee["number"], **money}
    return {
        "/v1/accounts": {"name": "Main", "currency": "EUR"},
        "/v1/deposits": {"account": payer["id"], **money},
        "/v1/withdrawals": {"account": payer["id"], **money},
        "/v1/transfers": pair,
        "/v1/holds": pair,
        "/v1/schedules": pair | {"first_at": "2999-01-01", "every": "once"},
    }


PATHS = list(bodies(({"id": ""}, {"number": ""})))
PAYMENTS = PATHS[1:]


@pytest.mark.parametrize("path", PATHS)
def test_metadata_is_kept_as_it_was_sent(ada, accounts, path):
    body = json.dumps(bodies(accounts)[path] | {"metadata": PAIRS})
    made = ada("POST", path, data=body, content_type="application/json")
    assert made.status_code == 201, made.text
    assert list(made.json["metadata"].items()) == list(PAIRS.items())
    read = ada("GET", made.headers["Location"]).json
    assert list(read["metadata"].items()) == list(PAIRS.items())


@pytest.mark.parametrize("given", [{}, {"metadata": {}}, {"metadata": None}])
@pytest.mark.parametrize("path", PATHS)
def test_an_answer_without_metadata_shows_an_empty_object(ada, accounts, path, given):
    made = ada("POST", path, bodies(accounts)[path] | given)
    assert (made.status_code, made.json["metadata"]) == (201, {})
    assert ada("GET", made.headers["Location"]).json["metadata"] == {}


WRONG = [
    ({f"k{number}": "v" for number in range(21)}, "/metadata"),
    ({"k" * 41: "v"}, "/metadata"),
    ({"": "v"}, "/metadata"),
    ({"k": "v" * 501}, "/metadata"),
    ({"k": 7}, "/metadata"),
    ({"k": None}, "/metadata"),
    ({"k": {"deep": "v"}}, "/metadata"),
    ({"k": "a\x00b"}, "/metadata"),
    ({"a\nb": "v"}, "/metadata"),
    (["k"], "/metadata"),
    ("k=v", "/metadata"),
]


@pytest.mark.parametrize(("metadata", "pointer"), WRONG)
@pytest.mark.parametrize("path", PATHS)
def test_wrong_metadata_is_refused_by_its_field(ada, accounts, path, metadata, pointer):
    refused = ada("POST", path, bodies(accounts)[path] | {"metadata": metadata})
    assert code(refused) == (400, "invalid_request")
    assert refused.json["errors"][0]["pointer"] == pointer


def test_a_repeated_key_is_refused(ada):
    body = '{"name": "Main", "currency": "EUR", "metadata": {"a": "1", "a": "2"}}'
    refused = ada("POST", "/v1/accounts", data=body, content_type="application/json")
    assert code(refused) == (400, "invalid_request")
    assert refused.json["errors"][0]["pointer"] == "/metadata/a"


@pytest.mark.parametrize("path", PAYMENTS)
def test_the_same_key_with_other_metadata_is_another_request(ada, accounts, path):
    body = bodies(accounts)[path]
    first = ada("POST", path, body | {"metadata": {"a": "1", "b": "2"}}, key="k")
    again = ada("POST", path, body | {"metadata": {"b": "2", "a": "1"}}, key="k")
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    for other in (None, {}, {"a": "1", "b": "3"}):
        refused = ada("POST", path, body | {"metadata": other}, key="k")
        assert code(refused) == (422, "key_reused")


def test_a_dry_run_shows_the_metadata_and_keeps_nothing(ada, accounts):
    body = bodies(accounts)["/v1/transfers"] | {"metadata": PAIRS}
    shown = ada("POST", "/v1/transfers?dry_run=true", body).json
    assert shown["metadata"] == PAIRS
    assert ada("GET", "/v1/transfers").json["data"] == []


@pytest.mark.parametrize("sign", ["plain", "Käse"])
def test_each_item_of_a_bulk_has_its_own_metadata(ada, accounts, sign):
    pair = bodies(accounts)["/v1/transfers"]
    items = [pair | {"metadata": {"order": f"{sign} 1"}}, pair]
    body = {"mode": "each", "transfers": items}
    made = ada("POST", "/v1/transfers/bulk", body, key="bulk").json["results"]
    found = [ada("GET", f"/v1/transfers/{each['id']}").json["metadata"] for each in made]
    assert found == [{"order": f"{sign} 1"}, {}]
    items[1] = pair | {"metadata": {"order": "2"}}
    assert code(ada("POST", "/v1/transfers/bulk", body, key="bulk")) == (422, "key_reused")
    items[1]["metadata"] = {"order": 2}
    refused = ada("POST", "/v1/transfers/bulk", body)
    assert refused.json["errors"][0]["pointer"] == "/transfers/1/metadata"


def test_each_run_of_a_schedule_has_its_metadata(ada, accounts):
    now = ada("GET", f"/v1/accounts/{accounts[0]['id']}").json["created_at"]
    body = bodies(accounts)["/v1/schedules"] | {"first_at": now, "metadata": PAIRS}
    plan = ada("POST", "/v1/schedules", body).json
    assert within(10, lambda: ada("GET", f"/v1/schedules/{plan['id']}/runs").json["data"])
    (run,) = ada("GET", f"/v1/schedules/{plan['id']}/runs").json["data"]
    assert run["metadata"] == ada("GET", f"/v1/transfers/{run['id']}").json["metadata"] == PAIRS


def test_the_payee_reads_the_metadata(http, ada, accounts):
    bob = http.joined("bob")
    sent = ada.transfer(accounts[0], bob.opened(), 5, metadata=PAIRS).json
    assert bob("GET", f"/v1/transfers/{sent['id']}").json["metadata"] == PAIRS


def test_the_metadata_of_an_account_is_replaced_as_a_whole(ada):
    account = ada("POST", "/v1/accounts", {"name": "Main", "currency": "EUR"}).json
    path = f"/v1/accounts/{account['id']}"
    changed = ada("PATCH", path, {"metadata": PAIRS})
    assert (changed.status_code, changed.json["metadata"]) == (200, PAIRS)
    assert ada("PATCH", path, {"name": "Rent"}).json == changed.json | {"name": "Rent"}
    both = ada("PATCH", path, {"name": "Food", "metadata": {"team": "b"}}).json
    assert (both["name"], both["metadata"]) == ("Food", {"team": "b"})
    assert ada("PATCH", path, {"metadata": {}}).json["metadata"] == {}
    assert ada("GET", path).json["metadata"] == {}


def test_a_change_of_an_account_without_a_field_is_refused(ada):
    path = f"/v1/accounts/{ada.opened()['id']}"
    for body in ("", "{}", '{"name": null}', '{"metadata": null}', '{"metadata": {"a": 1}}'):
        refused = ada("PATCH", path, data=body, content_type="application/json")
        assert code(refused) == (400, "invalid_request")


def test_metadata_of_another_customer_is_not_changed(http, ada):
    account = ada.opened()
    path = f"/v1/accounts/{account['id']}"
    assert code(http.joined("eve")("PATCH", path, {"metadata": {"a": "b"}})) == (404, "not_found")
    assert ada("GET", path).json["metadata"] == {}


def test_if_match_refuses_a_change_over_other_metadata(ada):
    path = f"/v1/accounts/{ada.opened()['id']}"
    tag = ada("GET", path).headers["ETag"]
    assert (
        ada("PATCH", path, {"metadata": {"a": "1"}}, headers={"If-Match": tag}).status_code == 200
    )
    for body in ({"metadata": {"a": "2"}}, {"name": "Rent"}):
        refused = ada("PATCH", path, body, headers={"If-Match": tag})
        assert code(refused) == (412, "precondition_failed")


def test_the_audit_trail_has_the_digest_of_metadata_alone(http, ada, accounts):
    pairs = {"secret": "rosebud", "a": "1"}
    body = bodies(accounts)["/v1/transfers"]
    made = [ada("POST", "/v1/transfers", body | more) for more in ({}, {"metadata": pairs})]
    ada("PATCH", f"/v1/accounts/{accounts[0]['id']}", {"metadata": pairs})
    trail = http.signed_in(AUDITOR)("GET", "/v1/audit?limit=100")
    assert "rosebud" not in trail.text
    asked = {each["id"]: each["asked"] for each in trail.json["data"] if "asked" in each}
    plain, with_pairs = (asked[each.json["id"]] for each in made)
    text = json.dumps(pairs, sort_keys=True, separators=(",", ":"))
    assert with_pairs["metadata_digest"] == hashlib.sha256(text.encode()).hexdigest()
    assert "metadata_digest" not in plain
    (changed,) = [each for each in trail.json["data"] if each["event"] == "account_changed"]
    assert changed["asked"]["metadata_digest"] == with_pairs["metadata_digest"]


def test_a_teller_adds_metadata_to_a_deposit(http, ada, accounts):
    body = bodies(accounts)["/v1/deposits"] | {"metadata": {"desk": "3"}}
    made = http.signed_in(TELLER)("POST", "/v1/deposits", body)
    assert made.json["metadata"] == {"desk": "3"}
    assert ada("GET", made.headers["Location"]).json["metadata"] == {"desk": "3"}


@pytest.mark.parametrize("again", ['{"b":"2","a":"1"}', '{"a":"1","b":"2"}'])
def test_a_bulk_is_repeated_with_its_pairs_in_any_order(http, again):
    ada, bob = http.joined("ada"), http.joined("bob")
    payer, payee = ada.opened(100), bob.opened()
    item = f'"from_account":"{payer["id"]}","to_account":"{payee["number"]}"'

    def send(pairs: str):
        text = '{"mode":"each","transfers":[{%s,"amount_minor":1,"currency":"EUR","metadata":%s}]}'
        headers = {"Content-Type": "application/json"}
        data = text % (item, pairs)
        return ada("POST", "/v1/transfers/bulk", data=data, headers=headers, key=f"k{len(pairs)}")

    assert send('{"a":"1","b":"2"}').status_code == 200
    repeated = send(again)
    assert (repeated.status_code, repeated.headers["Idempotent-Replayed"]) == (200, "true")
    assert send("{}").status_code == 200
