"""/v1/transfers/bulk over HTTP."""

import json

import pytest

from accounts_bank.api.schemas.bulk import ITEMS_MAX
from accounts_bank.errors import BulkTooLarge
from accounts_bank.http.bank import EXTENSION
from accounts_bank.http.messages import BULK_BODY_MAX_BYTES
from tests.helpers import code

PATH = "/v1/transfers/bulk"


@pytest.fixture
def ada(http):
    return http.joined("ada")


@pytest.fixture
def bob(http):
    return http.joined("bob")


@pytest.fixture
def sides(ada, bob):
    return ada.opened(100), bob.opened()


def of(sides, amount_minor, **more):
    payer, payee = sides
    return item(payer, payee, amount_minor, **more)


def item(payer, payee, amount_minor, **more):
    named = {"from_account": payer["id"], "to_account": payee["number"]}
    return named | {"amount_minor": amount_minor, "currency": "EUR"} | more


def said(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each.get("code", each["status"]) for each in answer.json["results"]]


def test_each_has_an_outcome_of_its_own(ada, bob, sides):
    payer, payee = sides
    items = [item(payer, payee, 10), item(payer, payee, 1000), item(payee, payer, 1)]
    items.append(item(payer, payee, 20, reference="rent"))
    answer = ada("POST", PATH, {"mode": "each", "transfers": items})
    first, *_, last = answer.json["results"]
    assert answer.json["results"] == [
        {"index": 0, "status": "recorded", "id": first["id"]},
        {"index": 1, "status": "refused", "code": "funds_insufficient", "shortfall_minor": 910},
        {"index": 2, "status": "refused", "code": "not_found"},
        {"index": 3, "status": "recorded", "id": last["id"]},
    ]
    made = ada("GET", f"/v1/transfers/{last['id']}").json
    assert (made["amount_minor"], made["reference"]) == (20, "rent")
    assert (ada.balance_minor(payer), bob.balance_minor(payee)) == (70, 30)
    assert len(bob("GET", "/v1/transfers").json["data"]) == 2


@pytest.mark.parametrize(
    ("mode", "codes", "balance_minor"),
    [
        ("each", ["recorded", "funds_insufficient", "recorded"], 70),
        ("stop", ["recorded", "funds_insufficient", "bulk_stopped"], 90),
        ("atomic", ["bulk_aborted", "funds_insufficient", "bulk_aborted"], 100),
    ],
)
def test_modes_retries_and_dry_runs(ada, sides, mode, codes, balance_minor):
    payer, payee = sides
    fields = {"mode": mode, "transfers": [item(payer, payee, each) for each in (10, 1000, 20)]}
    dry = ada("POST", f"{PATH}?dry_run=true", fields, key="k")
    assert (said(dry), dry.headers["Dry-Run"], ada.balance_minor(payer)) == (codes, "true", 100)
    first = ada("POST", PATH, fields, key="k")
    again = ada("POST", PATH, fields, key="k")
    assert said(first) == codes
    assert dry.text == first.text == again.text
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (
        False,
        "true",
    )
    assert ada.balance_minor(payer) == balance_minor


def test_every_reason_is_told_for_its_item(ada, bob, sides, http):
    teller = http.signed_in("teller")
    payer, payee = sides
    closed = bob.opened()
    bob("DELETE", f"/v1/accounts/{closed['id']}")
    frozen, limited = ada.opened(100), ada.opened(100)
    teller("POST", f"/v1/accounts/{frozen['id']}/freeze")
    teller("PUT", f"/v1/accounts/{limited['id']}/daily-limit", {"daily_limit_minor": 5})
    items = {
        "same_account": item(payer, payer, 1),
        "account_unknown": item(payer, {"number": "nobody"}, 1),
        "account_closed": item(payer, closed, 1),
        "account_frozen": item(frozen, payee, 1),
        "currency_mismatch": item(payer, payee, 1, currency="USD"),
        "funds_insufficient": item(payer, payee, 101),
        "limit_exceeded": item(limited, payee, 6),
        "not_found": item({"id": "nobody"}, payee, 1),
    }
    answer = ada("POST", PATH, {"mode": "each", "transfers": list(items.values())})
    assert said(answer) == list(items)
    assert answer.json["results"][6]["left_minor"] == 5


def test_the_key_is_for_that_body_alone(ada, sides):
    one = {"mode": "each", "transfers": [of(sides, 1)]}
    ada("POST", PATH, one, key="k")
    for other in (
        {"mode": "each", "transfers": [of(sides, 2)]},
        {"mode": "each", "transfers": [of(sides, 1)] * 2},
        {"mode": "atomic", "transfers": [of(sides, 1)]},
    ):
        assert code(ada("POST", PATH, other, key="k")) == (422, "key_reused")
    assert code(ada.transfer(*sides, 1, key="k")) == (422, "key_reused")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"mode": "some"}, "/mode"),
        ({"transfers": []}, "/transfers"),
        ({"transfers": [{}]}, "/transfers/0/from_account"),
        ({"more": 1}, "/more"),
    ],
)
def test_a_malformed_bulk_is_refused_as_a_whole(ada, sides, changes, pointer):
    fields = {"mode": "each", "transfers": [of(sides, 1)]} | changes
    answer = ada("POST", PATH, fields)
    assert code(answer) == (400, "invalid_request")
    assert answer.json["errors"][0]["pointer"] == pointer
    assert ada.balance_minor(sides[0]) == 100


@pytest.mark.parametrize(
    "twice",
    [
        '"amount_minor": 99',
        '"amount\\u005fminor": 99',
        '"amount_minor": 99, "reference": "\\u0022\\u0022"',  # as many quotes as if said once
    ],
)
def test_a_field_given_twice_in_one_item_is_refused(ada, sides, twice):
    payer, payee = sides
    one = f'{{"from_account": "{payer["id"]}", "to_account": "{payee["id"]}", "currency": "EUR", '
    good = f'{one}"amount_minor": 1}}'
    body = f'{{"mode": "each", "transfers": [{good}, {one}"amount_minor": 1, {twice}}}]}}'
    answer = ada("POST", PATH, data=body, content_type="application/json")
    assert code(answer) == (400, "invalid_request")
    assert answer.json["errors"] == [
        {"pointer": "/transfers/1/amount_minor", "detail": "The field is given twice."}
    ]


def test_ten_thousand_are_taken_and_no_more(ada, sides):
    payer, payee = sides
    items = [item(payer, payee, 1)] * (ITEMS_MAX + 1)
    assert code(ada("POST", PATH, {"mode": "each", "transfers": items})) == (400, "invalid_request")
    answer = ada("POST", PATH, {"mode": "each", "transfers": items[1:]})
    assert said(answer) == ["recorded"] * 100 + ["funds_insufficient"] * (ITEMS_MAX - 100)


def test_its_body_may_be_four_times_as_large_as_any_other(ada, sides):
    more = {"reference": "r" * 140}
    items = [of(sides, 1, **more)] * 5_000
    assert ada("POST", PATH, {"mode": "each", "transfers": items}).status_code == 200
    blank = b" " * (BULK_BODY_MAX_BYTES + 1)
    for path, size in [(PATH, BULK_BODY_MAX_BYTES), ("/v1/transfers", BULK_BODY_MAX_BYTES // 4)]:
        answer = ada("POST", path, data=blank[: size + 1], content_type="application/json")
        assert code(answer) == (413, "body_too_large")
        answer = ada("POST", path, data=blank[:size], content_type="application/json")
        assert code(answer) == (400, "invalid_request")


def test_one_that_the_store_cannot_take_is_not_asked_for_again(app, ada, sides, monkeypatch):
    def append(_entries):
        raise BulkTooLarge("Send fewer.")

    monkeypatch.setattr(app.extensions[EXTENSION].accounts._client.store, "append", append)
    answer = ada("POST", PATH, {"mode": "each", "transfers": [of(sides, 1)]})
    assert code(answer) == (413, "bulk_too_large")
    assert answer.json["detail"] == "Send fewer."
    assert "Retry-After" not in answer.headers


UNSPEAKABLE = ["\x00", "\x1f", "\n", "\x7f", "\x85", "\u2028", "\u202e", "\ufeff"]


@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize("field", ["from_account", "to_account", "reference"])
def test_a_text_that_turns_or_hides_later_text_is_refused(ada, sides, field, escaped):
    for character in UNSPEAKABLE:
        fields = {"mode": "each", "transfers": [of(sides, 1), of(sides, 1, **{field: character})]}
        body = json.dumps(fields, ensure_ascii=escaped).encode()
        answer = ada("POST", PATH, data=body, content_type="application/json")
        assert code(answer) == (400, "invalid_request"), character


def test_a_retry_may_write_the_same_in_another_way(ada, sides):
    fields = {"mode": "each", "transfers": [of(sides, 1, reference="Miete für Mai"), of(sides, 1)]}
    plain = {"mode": "each", "transfers": [of(sides, 1, reference="rent"), of(sides, 1)]}
    for number, each in enumerate((fields, plain)):
        first = ada("POST", PATH, each, key=str(number))
        text = json.dumps(each, ensure_ascii=False, indent=1).replace("EUR", "\\u0045UR")
        again = ada(
            "POST", PATH, data=text.encode(), content_type="application/json", key=str(number)
        )
        assert again.headers["Idempotent-Replayed"] == "true", again.text
        assert again.text == first.text
