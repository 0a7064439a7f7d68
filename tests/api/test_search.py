"""Filters of the lists of payments, and the fate of an idempotency key."""

from urllib.parse import quote

import pytest

from accounts_bank.collections import search
from tests.helpers import TELLER, Http, code

KINDS = ["deposits", "withdrawals", "transfers", "holds"]


@pytest.fixture
def ada(http):
    return http.joined("ada")


@pytest.fixture
def bob(http):
    return http.joined("bob")


@pytest.fixture
def accounts(ada, bob):
    """Open an account of Ada's with 1,000.00 and one of Bob's."""
    return ada.opened(100_000), bob.opened()


def body(kind: str, accounts, amount_minor: int = 5, **more) -> dict:
    """Return the body of a payment of Ada's."""
    payer, payee = accounts
    sides = {"from_account": payer["id"], "to_account": payee["number"]}
    if kind in {"deposits", "withdrawals"}:
        sides = {"account": payer["number"]}
    return sides | {"amount_minor": amount_minor, "currency": "EUR"} | more


def pay(caller, kind: str, accounts, *, key: str | None = None, **more) -> dict:
    made = caller("POST", f"/v1/{kind}", body(kind, accounts, **more), key=key)
    assert made.status_code in {201, 422}, made.text
    return dict(made.json)


def found(caller, kind: str, query: str) -> list:
    """Return the ids on all pages of a search."""
    ids, cursor = [], ""
    while cursor is not None:
        answer = caller("GET", f"/v1/{kind}?{query}{cursor and f'&cursor={cursor}'}")
        assert answer.status_code == 200, answer.text
        ids += [each["id"] for each in answer.json["data"]]
        cursor = answer.json["next_cursor"]
    return ids


@pytest.mark.parametrize("kind", KINDS)
def test_payments_are_found_by_each_filter(ada, accounts, kind):
    one = pay(ada, kind, accounts, amount_minor=7, reference="Rent May", metadata={"order": "7"})
    two = pay(
        ada,
        kind,
        accounts,
        amount_minor=8,
        reference="Rent June",
        metadata={"order": "8", "a": "b"},
    )
    three = pay(ada, kind, accounts, amount_minor=9, metadata={"a": "b"})
    first, second, third = one["id"], two["id"], three["id"]
    for query, ids in {
        "metadata[order]=7": [first],
        "metadata[a]=b": [third, second],
        "metadata[a]=b&metadata[order]=8": [second],
        "metadata[a]=b&metadata[order]=7": [],
        "metadata[order]=9": [],
        "metadata%5Border%5D=8": [second],
        "reference=rent": [second, first],
        "reference=May": [first],
        "reference=%25": [],
        "min_minor=8&max_minor=8": [second],
        "max_minor=8&min_minor=7&reference=Rent&metadata[a]=b": [second],
        f"from={quote(two['at'])}&metadata[a]=b": [third, second],
        f"to={quote(three['at'])}&min_minor=7&max_minor=9": [second, first],
        f"from={quote(two['at'])}&to={quote(three['at'])}": [second],
        "from=2999-01-01": [],
        f"account={accounts[0]['id']}&metadata[a]=b": [third, second],
        f"account={accounts[0]['number']}&reference=May": [first],
        "account=DE00&reference=May": [],
    }.items():
        assert found(ada, kind, query) == ids, query
        assert found(ada, kind, f"{query}&limit=1") == ids, query


def test_both_sides_find_a_transfer_and_no_other_customer_does(http, ada, bob, accounts):
    sent = pay(ada, "transfers", accounts, metadata={"order": "7"})
    assert found(ada, "transfers", "metadata[order]=7") == [sent["id"]]
    assert found(bob, "transfers", "metadata[order]=7") == [sent["id"]]
    eve = http.joined("eve")
    assert found(eve, "transfers", "metadata[order]=7") == []
    assert found(eve, "transfers", f"account={accounts[0]['id']}") == []
    other = ada.opened()
    assert found(ada, "transfers", f"account={other['id']}") == []
    assert found(ada, "transfers", f"account={accounts[1]['number']}") == [sent["id"]]


def test_deposits_and_withdrawals_are_listed_for_the_owner_of_the_account(http, ada, accounts):
    paid_in = ada("GET", "/v1/deposits").json["data"]
    assert [each["amount_minor"] for each in paid_in] == [100_000]
    taken = pay(ada, "withdrawals", accounts)
    teller = http.signed_in(TELLER)
    given = pay(teller, "deposits", accounts)
    assert found(ada, "deposits", "") == [given["id"], paid_in[0]["id"]]
    assert ada("GET", "/v1/withdrawals").json["data"] == [taken]
    assert found(teller, "deposits", "") == []


def test_holds_are_found_by_their_stage(ada, bob, accounts):
    holds = [pay(ada, "holds", accounts) for _ in range(3)]
    bob("POST", f"/v1/holds/{holds[0]['id']}/capture", {})
    bob("POST", f"/v1/holds/{holds[1]['id']}/void", {})
    for number, status in enumerate(["captured", "voided", "open"]):
        assert found(ada, "holds", f"status={status}") == [holds[number]["id"]]
    assert found(ada, "holds", "status=expired") == []
    assert found(ada, "transfers", "status=recorded") == []


@pytest.mark.parametrize("scanned", [3, 1_000])
def test_the_pages_of_a_search_join(ada, accounts, scanned, monkeypatch):
    monkeypatch.setattr(search, "SCAN_MAX", scanned)
    monkeypatch.setattr(search, "BATCH", 2)
    sent = [pay(ada, "transfers", accounts, amount_minor=1 + n % 3)["id"] for n in range(20)]
    threes = sent[2::3][::-1]
    for limit in (1, 2, 20):
        assert found(ada, "transfers", f"min_minor=3&limit={limit}") == threes
    assert found(ada, "transfers", "reference=none&limit=1") == []


def test_the_next_page_is_linked_with_its_filters(ada, accounts):
    for _ in range(2):
        pay(ada, "transfers", accounts, metadata={"a b": "c&d"})
    answer = ada("GET", "/v1/transfers?limit=1&metadata[a+b]=c%26d")
    link = answer.headers["Link"].partition(">")[0].removeprefix("<")
    assert "metadata%5Ba+b%5D=c%26d" in link
    assert len(ada("GET", link).json["data"]) == 1


WRONG = [
    ("min_minor=-1", "/min_minor"),
    ("min_minor=1.5", "/min_minor"),
    ("max_minor=x", "/max_minor"),
    ("from=yesterday", "/from"),
    ("status=lost", "/status"),
    ("reference=", "/reference"),
    ("account=", "/account"),
    ("metadata=7", "/metadata"),
    ("metadata[]=7", "/metadata[]"),
    (f"metadata[{'k' * 41}]=7", "/metadata"),
    ("metadata[a]=1&metadata[a]=2", "/metadata[a]"),
    ("metadata[a]=1&metadata=2", "/metadata"),
    ("orders[a]=1", "/orders"),
    ("idempotency_key=", "/idempotency_key"),
]


@pytest.mark.parametrize(("query", "pointer"), WRONG)
def test_a_wrong_filter_is_refused_by_its_name(ada, query, pointer):
    for kind in KINDS:
        refused = ada("GET", f"/v1/{kind}?{query}")
        assert code(refused) == (400, "invalid_request")
        assert refused.json["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_leads_to_its_payment(ada, bob, accounts, kind):
    assert ada("GET", f"/v1/{kind}?idempotency_key=k").json == {"data": [], "next_cursor": None}
    made = pay(ada, kind, accounts, key="k")
    assert ada("GET", f"/v1/{kind}?idempotency_key=k").json["data"] == [made]
    assert found(ada, kind, "idempotency_key=k&max_minor=5") == [made["id"]]
    assert found(ada, kind, "idempotency_key=k&min_minor=6") == []
    for other in {*KINDS} - {kind}:
        assert found(ada, other, "idempotency_key=k") == []
    assert found(bob, kind, "idempotency_key=k") == []


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_key_leads_to_its_refusal(ada, accounts, kind):
    pay(ada, kind, accounts, amount_minor=100_001, key='"a,b"', metadata={"order": "7"})
    (shown,) = ada("GET", f"/v1/{kind}?idempotency_key=a,b").json["data"]
    assert shown == {
        "id": shown["id"],
        "kind": kind.removesuffix("s"),
        "status": "refused",
        "code": "funds_insufficient",
        "amount_minor": 100_001,
        "currency": "EUR",
        "reference": None,
        "metadata": {"order": "7"},
        "at": shown["at"],
        "shortfall_minor": 1,
    }
    assert found(ada, kind, "") == []


@pytest.mark.parametrize("kind", ["transfers", "holds"])
def test_a_key_for_programs_finds_the_payments_of_its_accounts(ada, accounts, kind):
    other = ada.opened(1_000)
    pairs = {"metadata": {"order": "7"}}
    one = pay(ada, kind, accounts, key="one", **pairs)
    two = pay(ada, kind, (other, accounts[1]), key="two", **pairs)
    asked = {"name": "Shop", "scopes": ["payments:read"], "accounts": [other["id"]]}
    shop = Http(ada.app, ada("POST", "/v1/api-keys", asked).json["secret"])
    for query in ("", "metadata[order]=7", "min_minor=5"):
        assert found(ada, kind, query) == [two["id"], one["id"]]
        assert found(shop, kind, query) == [two["id"]]
    assert found(shop, kind, "idempotency_key=one") == []
    assert found(shop, kind, "idempotency_key=two") == [two["id"]]


def test_a_key_of_a_bulk_leads_to_its_transfers(ada, accounts):
    items = [body("transfers", accounts, amount_minor=each) for each in (1, 200_000, 2)]
    bulk = {"mode": "each", "transfers": items}
    made = ada("POST", "/v1/transfers/bulk", bulk, key="b").json["results"]
    shown = ada("GET", "/v1/transfers?idempotency_key=b").json["data"]
    assert [each["status"] for each in shown] == ["recorded", "refused", "recorded"]
    assert [shown[2]["id"], shown[0]["id"]] == [made[0]["id"], made[2]["id"]]
    assert found(ada, "transfers", "idempotency_key=b&limit=1") == [each["id"] for each in shown]
