"""The client pays once, also where the bank has paid and the answer is lost."""

from payment_client import PaymentClient

from accounts_bank.testing import Bank


def test_a_lost_answer_moves_the_money_once(accounts_bank: Bank) -> None:
    ada = accounts_bank.customer("ada", balance_minor=100_00)
    shop = accounts_bank.customer("shop")
    accounts_bank.faults.add({"drop": "after_commit"}, operation="transfers_transfer")

    client = PaymentClient(accounts_bank.url, ada.token)
    paid = client.pay(ada.payment_to(shop, 30_00), key="order-1")

    assert paid["status"] == "recorded"
    assert (ada.balance_minor, shop.balance_minor) == (70_00, 30_00)
    (fault,) = accounts_bank.faults.all()
    assert len(fault.hits) == 1
