"""/v1/deposits, /v1/withdrawals and /v1/transfers over HTTP."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts_bank.app import create_app
from tests.helpers import AUDITOR, TELLER, Http, code


@pytest.fixture
def ada(http):
    """Sign Ada up and in."""
    return http.joined("ada")


@pytest.fixture
def bob(http):
    """Sign Bob up and in."""
    return http.joined("bob")


def cash(account, amount_minor, **more):
    return {"account": account["id"], "amount_minor": amount_minor, "currency": "EUR", **more}


@pytest.mark.parametrize(
    ("path", "kind", "balance_minor"),
    [("/v1/deposits", "deposit", 107), ("/v1/withdrawals", "withdrawal", 93)],
)
def test_cash_goes_in_and_out(ada, path, kind, balance_minor):
    account = ada.opened(100)
    answer = ada("POST", path, cash(account, 7, reference="cash desk"))
    assert answer.status_code == 201
    assert answer.json == {
        "id": answer.json["id"],
        "kind": kind,
        "status": "recorded",
        "account_id": account["id"],
        "amount_minor": 7,
        "currency": "EUR",
        "reference": "cash desk",
        "metadata": {},
        "balance_minor": balance_minor,
        "at": answer.json["at"],
    }
    assert ada("GET", answer.headers["Location"]).json == answer.json
    assert ada.balance_minor(account) == balance_minor


def test_a_transfer_moves_money(ada, bob):
    payer, payee = ada.opened(100), bob.opened()
    answer = ada.transfer(payer, payee, 30, reference="rent")
    assert answer.status_code == 201
    assert answer.json == {
        "id": answer.json["id"],
        "kind": "transfer",
        "status": "recorded",
        "from_account_id": payer["id"],
        "to_account_id": payee["id"],
        "to_account_number": payee["number"],
        "amount_minor": 30,
        "currency": "EUR",
        "reference": "rent",
        "metadata": {},
        "from_balance_minor": 70,
        "reversed_minor": 0,
        "at": answer.json["at"],
    }
    assert (ada.balance_minor(payer), bob.balance_minor(payee)) == (70, 30)
    assert ada("GET", answer.headers["Location"]).json == answer.json


def test_the_payee_sees_the_transfer_and_not_the_payers_balance(ada, bob, http):
    made = ada.transfer(ada.opened(100), bob.opened(), 30).json
    seen = bob("GET", f"/v1/transfers/{made['id']}").json
    assert seen == made | {"from_balance_minor": None}
    assert bob("GET", "/v1/transfers").json["data"] == [seen]
    assert ada("GET", "/v1/transfers").json["data"] == [made]
    eve = http.joined("eve")
    assert code(eve("GET", f"/v1/transfers/{made['id']}")) == (404, "not_found")
    assert eve("GET", "/v1/transfers").json["data"] == []
    assert http.signed_in(AUDITOR)("GET", f"/v1/transfers/{made['id']}").json == made


def test_pages_of_transfers_join_newest_first(ada, bob):
    payer, payee = ada.opened(100), bob.opened()
    made = [ada.transfer(payer, payee, 1).json["id"] for _ in range(5)]
    found, cursor = [], ""
    while cursor is not None:
        answer = ada("GET", f"/v1/transfers?limit=2{cursor and '&cursor=' + cursor}").json
        found += [each["id"] for each in answer["data"]]
        cursor = answer["next_cursor"]
    assert found == made[::-1]


def transfer_body(ada, bob, **changes):
    payer, payee = ada.opened(100), bob.opened()
    asked = {
        "from_account": payer["id"],
        "to_account": payee["id"],
        "amount_minor": 30,
        "currency": "EUR",
    }
    return asked | changes


def test_a_shortfall_is_told(ada, bob):
    answer = ada("POST", "/v1/transfers", transfer_body(ada, bob, amount_minor=101))
    assert code(answer) == (422, "funds_insufficient")
    assert answer.json["shortfall_minor"] == 1


def test_other_refusals_have_their_codes(ada, bob):
    dollars = bob.opened(currency="USD")
    closed = bob.opened()
    bob("DELETE", f"/v1/accounts/{closed['id']}")
    for changes, expected in [
        ({"to_account": dollars["id"]}, "currency_mismatch"),
        ({"currency": "USD"}, "currency_mismatch"),
        ({"to_account": closed["number"]}, "account_closed"),
        ({"to_account": "DE89370400440532013000"}, "account_unknown"),
        ({"to_account": "nobody"}, "account_unknown"),
        ({"to_account": "till-eur-0"}, "account_unknown"),
    ]:
        answer = ada("POST", "/v1/transfers", transfer_body(ada, bob, **changes))
        assert code(answer) == (422, expected)
    account = ada.opened(5)
    assert code(ada.transfer(account, account, 1)) == (422, "same_account")


def test_a_payment_from_an_account_of_another_user_is_404(ada, bob):
    asked = transfer_body(ada, bob)
    stolen = asked | {"from_account": asked["to_account"], "to_account": asked["from_account"]}
    unknown = asked | {"from_account": "nobody"}
    answers = [ada("POST", "/v1/transfers", each) for each in (stolen, unknown)]
    assert [code(each) for each in answers] == [(404, "not_found")] * 2
    first, second = (each.json | {"request_id": ""} for each in answers)
    assert first == second


def test_a_retry_gets_the_first_answer_again(ada, bob):
    asked = transfer_body(ada, bob)
    first = ada("POST", "/v1/transfers", asked, key="k1")
    again = ada("POST", "/v1/transfers", asked, key='"k1"')
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Location"] == first.headers["Location"]
    assert len(ada("GET", "/v1/transfers").json["data"]) == 1


def test_a_refusal_is_the_answer_to_its_key_for_ever(ada, bob):
    asked = transfer_body(ada, bob, amount_minor=101)
    first = ada("POST", "/v1/transfers", asked, key="k1")
    ada("POST", "/v1/deposits", {**cash({"id": asked["from_account"]}, 50)})
    again = ada("POST", "/v1/transfers", asked, key="k1")
    assert code(again) == code(first) == (422, "funds_insufficient")
    assert again.json | {"request_id": ""} == first.json | {"request_id": ""}
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_key_with_another_body_is_refused(ada, bob):
    asked = transfer_body(ada, bob)
    ada("POST", "/v1/transfers", asked, key="k1")
    for changes in ({"amount_minor": 31}, {"reference": "rent"}):
        answer = ada("POST", "/v1/transfers", asked | changes, key="k1")
        assert code(answer) == (422, "key_reused")
        assert "Idempotent-Replayed" not in answer.headers
    deposit = cash({"id": asked["from_account"]}, 30)
    assert code(ada("POST", "/v1/deposits", deposit, key="k1")) == (422, "key_reused")


def test_two_callers_may_use_one_key(ada, bob):
    asked = transfer_body(ada, bob)
    back = asked | {
        "from_account": asked["to_account"],
        "to_account": asked["from_account"],
        "amount_minor": 10,
    }
    assert ada("POST", "/v1/transfers", asked, key="k1").status_code == 201
    assert bob("POST", "/v1/transfers", back, key="k1").status_code == 201


def test_a_dry_run_of_money_moves_nothing(ada, bob):
    payer, payee = ada.opened(100), bob.opened()
    asked = {"from_account": payer["id"], "to_account": payee["id"], "currency": "EUR"}
    path = "/v1/transfers?dry_run=true"
    answer = ada("POST", path, {**asked, "amount_minor": 30})
    assert (answer.status_code, answer.headers["Dry-Run"]) == (201, "true")
    assert answer.json["from_balance_minor"] == 70
    assert "Location" not in answer.headers
    assert code(ada("POST", path, {**asked, "amount_minor": 101})) == (422, "funds_insufficient")
    assert ada.balance_minor(payer) == 100
    assert ada("GET", "/v1/transfers").json["data"] == []
    assert code(ada("GET", f"/v1/transfers/{answer.json['id']}")) == (404, "not_found")


def test_a_teller_handles_cash_for_anyone(ada, http):
    account, teller = ada.opened(), http.signed_in(TELLER)
    assert teller("POST", "/v1/deposits", cash(account, 9)).status_code == 201
    answer = teller("POST", "/v1/withdrawals", cash(account, 4))
    assert answer.status_code == 201
    assert ada("GET", answer.headers["Location"]).json == answer.json
    assert teller("GET", answer.headers["Location"]).json == answer.json


def test_customers_handle_no_cash_where_the_bank_says_so(passwords):
    ada = Http(create_app({"CUSTOMER_CASH": False}, passwords=passwords)).joined("ada")
    answer = ada("POST", "/v1/deposits", cash(ada.opened(), 9))
    assert code(answer) == (403, "forbidden")


def test_sixteen_threads_at_once_conserve_money_and_pay_each_key_once(http):
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        callers = [http.joined(f"user{n}") for n in range(4)]
        opened = [caller.opened(100) for caller in callers]

        def pay(number):
            for turn in range(8):
                payer, payee = number % 4, (number + turn) % 4
                answer = callers[payer].transfer(
                    opened[payer], opened[payee], 1 + 13 * turn, key=f"k{number // 8}-{turn}"
                )
                assert answer.status_code in {201, 422}, answer.text

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(pay, range(16)))
    finally:
        sys.setswitchinterval(before_s)
    balances = [
        caller.balance_minor(account) for caller, account in zip(callers, opened, strict=True)
    ]
    assert sum(balances) == 400
    assert min(balances) >= 0


def test_racing_retries_over_http_have_one_effect(ada, bob):
    payer, payee = ada.opened(100), bob.opened()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ada.transfer(payer, payee, 60, key="once"), range(16)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 15
    assert ada.balance_minor(payer) == 40
