"""Each salary is paid once, also where the bank is busy and where the batch runs twice."""

from payroll import pay_all

from accounts_bank.testing import Bank


def test_a_busy_bank_gets_each_salary_once(accounts_bank: Bank) -> None:
    firm = accounts_bank.customer("firm", balance_minor=1_000_00)
    staff = [accounts_bank.customer(name) for name in ("ada", "ben", "eve")]
    salaries = [firm.payment_to(each, 300_00) for each in staff]
    busy = {"answer": 503, "retry_after_s": 0}
    accounts_bank.faults.add(busy, operation="transfers_transfer", nth=2, times=2)

    for _ in range(2):
        told = pay_all(accounts_bank.url, firm.token, "2026-01", salaries)
        assert told == ["recorded"] * 3

    assert [each.balance_minor for each in (firm, *staff)] == [100_00, 300_00, 300_00, 300_00]
    (fault,) = accounts_bank.faults.all()
    assert len(fault.hits) == 2
