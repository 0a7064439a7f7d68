"""The answer to staff that acts on an account of its own."""

from tests.helpers import TELLER, code


def test_a_teller_gets_403_with_a_code_of_its_own(http):
    teller = http.signed_in(TELLER)
    account = teller("POST", "/v1/accounts", {"name": "Own", "currency": "EUR"}).json["id"]
    cash = {"account": account, "amount_minor": 5, "currency": "EUR"}
    at = f"/v1/accounts/{account}"
    answers = [
        teller("POST", "/v1/deposits", cash),
        teller("POST", "/v1/withdrawals", cash),
        teller("PUT", f"{at}/credit-limit", {"credit_limit_minor": 100_000_000}),
        teller("PUT", f"{at}/daily-limit", {"daily_limit_minor": None}),
        teller("POST", f"{at}/freeze"),
        teller("POST", f"{at}/unfreeze"),
    ]
    assert {code(answer) for answer in answers} == {(403, "own_account")}
    assert teller("GET", at).json["balance_minor"] == 0
