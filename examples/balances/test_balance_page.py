"""The page shows the whole balance, also where an answer is cut or lost."""

from balance_page import page

from accounts_bank.testing import Bank


def test_a_cut_answer_is_read_again(accounts_bank: Bank) -> None:
    ada = accounts_bank.customer("ada", balance_minor=12_05, account="Rent & food")
    accounts_bank.faults.add({"truncate": 700}, operation="accounts_list_accounts")
    accounts_bank.faults.add({"drop": "before"}, operation="accounts_list_accounts", nth=2)

    shown = page(accounts_bank.url, ada.token)

    assert "<th>Rent &amp; food</th><td>12.05 EUR</td>" in shown
    assert [len(each.hits) for each in accounts_bank.faults.all()] == [1, 1]
