"""/v1/accounts over HTTP."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from tests.helpers import AUDITOR, TELLER, code


@pytest.fixture
def ada(http):
    """Sign Ada up and in."""
    return http.joined("ada")


def walked(caller, path) -> list:
    """Follow `Link` from page to page."""
    found, pages = [], 0
    while path:
        answer = caller("GET", path)
        assert answer.status_code == 200, answer.text
        found += answer.json["data"]
        pages += 1
        link = answer.headers.get("Link")
        assert (link is None) == (answer.json["next_cursor"] is None)
        path = None
        if link:
            assert link.endswith('>; rel="next"')
            parts = urlsplit(link[1 : link.index(">")])
            path = f"{parts.path}?{parts.query}"
            assert answer.json["next_cursor"] in path
    assert pages
    return found


def test_an_account_is_opened_with_nothing_on_it(ada):
    answer = ada("POST", "/v1/accounts", {"name": "Savings", "currency": "EUR"})
    account = answer.json
    assert (answer.status_code, answer.headers["Location"]) == (
        201,
        f"/v1/accounts/{account['id']}",
    )
    assert account == {
        "id": account["id"],
        "number": account["number"],
        "name": "Savings",
        "currency": "EUR",
        "status": "open",
        "balance_minor": 0,
        "held_minor": 0,
        "available_minor": 0,
        "credit_limit_minor": 0,
        "daily_limit_minor": None,
        "created_at": account["created_at"],
        "metadata": {},
    }
    assert ada("GET", answer.headers["Location"]).json == account


@pytest.mark.parametrize("currency", ["eur", "EURO", "XXX", "XAU", "", 978, None])
def test_a_currency_is_one_of_iso_4217(ada, currency):
    answer = ada("POST", "/v1/accounts", {"name": "Savings", "currency": currency})
    assert code(answer) == (400, "invalid_request")
    assert answer.json["errors"][0]["pointer"] == "/currency"


def test_an_account_is_named_by_id_or_number(ada):
    account = ada.opened()
    for name in (account["id"], account["number"], account["number"].lower()):
        assert ada("GET", f"/v1/accounts/{name}").json == account


def test_an_account_gets_another_name(ada):
    account = ada.opened()
    answer = ada("PATCH", f"/v1/accounts/{account['number']}", {"name": "Rainy days"})
    assert (answer.status_code, answer.json) == (200, account | {"name": "Rainy days"})


def test_a_closed_account_can_be_read_and_takes_nothing(ada):
    account = ada.opened()
    path = f"/v1/accounts/{account['id']}"
    assert [ada("DELETE", path).status_code for _ in range(2)] == [204, 204]
    assert ada("GET", path).json["status"] == "closed"
    body = {"account": account["id"], "amount_minor": 1, "currency": "EUR"}
    assert code(ada("POST", "/v1/deposits", body)) == (422, "account_closed")
    assert code(ada("PATCH", path, {"name": "New"})) == (422, "account_closed")


def test_an_account_with_money_is_not_closed(ada):
    account = ada.opened(5)
    answer = ada("DELETE", f"/v1/accounts/{account['id']}")
    assert code(answer) == (409, "balance_not_zero")
    assert answer.json["balance_minor"] == 5


def test_pages_of_accounts_join(ada, http):
    opened = [ada.opened()["id"] for _ in range(5)]
    http.joined("bob").opened()
    for limit in (1, 2, 5, 100):
        found = walked(ada, f"/v1/accounts?limit={limit}")
        assert [account["id"] for account in found] == opened
    assert len(ada("GET", "/v1/accounts?limit=2").json["data"]) == 2


def test_lines_stand_newest_first_and_their_pages_join(ada):
    account = ada.opened()
    for amount_minor in (5, 7, 9):
        body = {"account": account["id"], "amount_minor": amount_minor, "currency": "EUR"}
        ada("POST", "/v1/deposits", {**body, "reference": f"no. {amount_minor}"})
    found = walked(ada, f"/v1/accounts/{account['number']}/lines?limit=2")
    assert [line["number"] for line in found] == [3, 2, 1]
    newest = found[0]
    assert newest == {
        "number": 3,
        "entry_id": newest["entry_id"],
        "kind": "deposit",
        "amount_minor": 9,
        "balance_minor": 21,
        "counterparty": None,
        "reference": "no. 9",
        "at": newest["at"],
    }
    assert ada("GET", f"/v1/deposits/{newest['entry_id']}").json["amount_minor"] == 9


def test_lines_of_a_transfer_name_the_other_account_and_have_one_entry(ada, http):
    bob = http.joined("bob")
    payer, payee = ada.opened(10), bob.opened()
    made = ada.transfer(payer, payee, 4, reference="rent").json
    sent = ada("GET", f"/v1/accounts/{payer['id']}/lines").json["data"][0]
    got = bob("GET", f"/v1/accounts/{payee['id']}/lines").json["data"][0]
    assert (sent["amount_minor"], sent["counterparty"]) == (-4, payee["number"])
    assert (got["amount_minor"], got["counterparty"]) == (4, payer["number"])
    assert sent["entry_id"] == got["entry_id"] == made["id"]
    assert sent["reference"] == got["reference"] == "rent"


def test_lines_of_a_period_begin_with_from_and_end_before_to(ada):
    account = ada.opened(5)
    body = {"account": account["id"], "amount_minor": 7, "currency": "EUR"}
    second = ada("POST", "/v1/deposits", body).json["at"]
    path = f"/v1/accounts/{account['id']}/lines"

    def amounts(query):
        return [line["amount_minor"] for line in ada("GET", f"{path}?{query}").json["data"]]

    assert amounts(f"from={second}") == [7]
    assert amounts(f"to={second}") == [5]
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    assert amounts(f"from={tomorrow}") == []
    assert amounts(f"to={tomorrow}&from=2020-01-01") == [7, 5]
    # Another zone, and a plus that came as a blank: the same moment.
    shifted = datetime.fromisoformat(second) + timedelta(hours=2)
    assert amounts(f"from={shifted.replace(tzinfo=None).isoformat()}+02:00") == [7]


def test_a_balance_is_told_as_it_was(ada):
    account = ada.opened(5)
    body = {"account": account["id"], "amount_minor": 7, "currency": "EUR"}
    second = ada("POST", "/v1/deposits", body).json["at"]
    path = f"/v1/accounts/{account['id']}/balance"
    assert ada("GET", f"{path}?at={second}").json == {
        "account_id": account["id"],
        "currency": "EUR",
        "balance_minor": 12,
        "at": second,
    }
    before = datetime.fromisoformat(second) - timedelta(microseconds=1)
    assert ada("GET", path, query_string={"at": before.isoformat()}).json["balance_minor"] == 5
    assert ada("GET", f"{path}?at=2020-01-01").json["balance_minor"] == 0
    assert ada("GET", f"{path}?at=9999-12-31T23:59:59.999999Z").json["balance_minor"] == 12
    for odd in ("9999-12-31T23:59:59-14:00", "2990-12-31T23:59:60Z", "2990-12-31t23:59:59z"):
        assert ada("GET", path, query_string={"at": odd}).json["balance_minor"] == 12
    odd = "0001-01-01T00:00:00+14:00"
    assert ada("GET", path, query_string={"at": odd}).json["balance_minor"] == 0
    assert ada("GET", path).json["balance_minor"] == 12


@pytest.mark.parametrize("role", [TELLER, AUDITOR])
def test_staff_read_customers_accounts(ada, http, role):
    account, staff = ada.opened(5), http.signed_in(role)
    assert staff("GET", f"/v1/accounts/{account['id']}").json == account
    assert len(staff("GET", f"/v1/accounts/{account['id']}/lines").json["data"]) == 1


def test_an_auditor_opens_no_account(http):
    answer = http.signed_in(AUDITOR)("POST", "/v1/accounts", {"name": "M", "currency": "EUR"})
    assert code(answer) == (403, "forbidden")
