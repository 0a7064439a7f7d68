"""Four eyes: an action of staff waits for a second person where the settings demand it."""

from datetime import timedelta

import pytest

from accounts_bank.collections import approved_roles
from accounts_bank.collections.approvals import FourEyes
from accounts_bank.errors import AwaitsApproval, Forbidden, LastAdmin, NotFound, OwnAccount, Refused
from accounts_bank.identity import Caller, Role
from accounts_bank.ledger.actions import Deposit, Withdrawal
from tests.helpers import Teller

FOUR_EYES = FourEyes({"EUR": 1000}, is_on=True, expires_in_s=3600)


@pytest.fixture
def town():
    return with_staff(Teller(four_eyes=FOUR_EYES))


def with_staff(town: Teller) -> Teller:
    for name in ("tom", "tess"):
        town.caller(name, Role.TELLER)
    town.caller("alma", Role.AUDITOR)
    town.given(ada=500, bob=0)
    return town


def asked(act) -> AwaitsApproval:
    with pytest.raises(AwaitsApproval) as caught:
        act()
    return caught.value


def pays_in(town: Teller, amount_minor: int, key: str | None = None, by: str = "tom"):
    action = Deposit(town.opened["ada"].number, amount_minor, "EUR")
    return town.accounts.deposit(town.caller(by), action, key)


def grants(town: Teller, approval_id: str, by: str = "tess", key: str | None = None):
    return town.accounts.approvals.grant(town.caller(by), approval_id, key)


def refusal(act) -> str:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.code


def test_cash_up_to_the_amount_is_paid_at_once(town):
    pays_in(town, 1000)
    assert town.balances()["ada"] == 1500
    big = asked(lambda: pays_in(town, 1001))
    assert town.balances()["ada"] == 1500
    granted = grants(town, big.approval_id)
    assert town.balances()["ada"] == 2501
    paid = town.accounts.entry(town.caller("ada"), "deposit", granted.done_id or "")
    assert paid.recorded.entry.caller_id == "user-tom"


def test_a_customer_and_another_currency_need_no_second_person(town):
    town.deposit("ada", 5000)
    town.opened["ada"] = town.accounts.open(town.caller("ada"), "Yen", "JPY")
    town.accounts.deposit(town.caller("tom"), Deposit(town.opened["ada"].id, 5000, "JPY"), None)
    assert town.balances()["ada"] == 5000


@pytest.mark.parametrize("act", ["credit", "day", "reversal"])
def test_limits_and_reversals_wait(town, act):
    tom, ada = town.caller("tom"), town.opened["ada"].id
    town.send("ada", "bob", 50)
    (sent,) = town.accounts.transfers_of(town.caller("ada"), before=None, limit=1)
    acts = {
        "credit": lambda: town.accounts.limit_credit(tom, ada, 70),
        "day": lambda: town.accounts.limit_day(tom, ada, 70),
        "reversal": lambda: town.accounts.reversals.create(tom, sent.recorded.entry.id, None),
    }

    def state() -> tuple[int | None, int | None, int]:
        account = town.accounts.account(tom, ada)
        return account.floor_minor, account.daily_limit_minor, account.balance_minor

    waits = asked(acts[act])
    assert state() == (0, None, 450)
    grants(town, waits.approval_id)
    assert (
        state()
        == {
            "credit": (-70, None, 450),
            "day": (0, 70, 450),
            "reversal": (0, None, 500),
        }[act]
    )


def test_a_payees_reversal_and_a_freeze_are_done_at_once(town):
    town.send("ada", "bob", 50)
    (sent,) = town.accounts.transfers_of(town.caller("ada"), before=None, limit=1)
    town.accounts.reversals.create(town.caller("bob"), sent.recorded.entry.id, None)
    town.accounts.freeze(town.caller("tom"), town.opened["ada"].id)


def test_without_the_settings_nothing_waits(bank):
    town = with_staff(bank)
    pays_in(town, 10**9)
    town.accounts.limit_credit(town.caller("tom"), town.opened["ada"].id, 70)


def test_a_request_that_is_refused_at_once_leaves_nothing_to_grant(town):
    action = Withdrawal(town.opened["ada"].id, 1001, "EUR")
    assert refusal(lambda: town.accounts.withdraw(town.caller("tom"), action, None)) == (
        "funds_insufficient"
    )
    assert town.accounts.approvals.waiting(town.caller("tess"), before=None, limit=9) == []


def test_its_maker_decides_no_request(town):
    waits = asked(lambda: pays_in(town, 2000))
    assert refusal(lambda: grants(town, waits.approval_id, by="tom")) == "own_approval"
    tom = town.caller("tom")
    assert refusal(lambda: town.accounts.approvals.refuse(tom, waits.approval_id, None)) == (
        "own_approval"
    )
    assert town.balances()["ada"] == 500


@pytest.mark.parametrize("by", ["ada", "bob", "alma"])
def test_customers_and_auditors_decide_nothing(town, by):
    waits = asked(lambda: pays_in(town, 2000))
    with pytest.raises(Forbidden):
        grants(town, waits.approval_id, by=by)
    with pytest.raises(Forbidden):
        town.accounts.approvals.refuse(town.caller(by), waits.approval_id, None)


def test_a_teller_grants_nothing_to_an_own_account(town):
    town.opened["tess"] = town.accounts.open(town.caller("tess"), "Tess", "EUR")
    action = Deposit(town.opened["tess"].id, 2000, "EUR")
    waits = asked(lambda: town.accounts.deposit(town.caller("tom"), action, None))
    with pytest.raises(OwnAccount):
        grants(town, waits.approval_id)
    assert town.balances()["tess"] == 0


def test_a_key_gives_the_same_request_before_and_after_its_decision(town):
    first = asked(lambda: pays_in(town, 2000, "k"))
    again = asked(lambda: pays_in(town, 2000, "k"))
    assert (again.approval_id, again.replayed, again.stage) == (first.approval_id, True, "open")
    assert refusal(lambda: pays_in(town, 3000, "k")) == "key_reused"
    grants(town, first.approval_id)
    later = asked(lambda: pays_in(town, 2000, "k"))
    assert (later.approval_id, later.stage) == (first.approval_id, "granted")
    assert town.balances()["ada"] == 2500


def test_a_key_keeps_its_word_over_a_change_of_the_settings(bank):
    town = with_staff(bank)
    pays_in(town, 2000, "before")
    strict = with_staff(Teller(town.store, town.user_store, four_eyes=FOUR_EYES))
    strict.opened = town.opened
    assert pays_in(strict, 2000, "before").replayed
    waits = asked(lambda: pays_in(strict, 3000, "since"))
    assert asked(lambda: pays_in(town, 3000, "since")).approval_id == waits.approval_id
    assert town.balances()["ada"] == 2500


def test_a_grant_with_the_same_key_is_a_replay(town):
    waits = asked(lambda: pays_in(town, 2000))
    assert not grants(town, waits.approval_id, key="g").replayed
    assert grants(town, waits.approval_id, key="g").replayed
    assert refusal(lambda: grants(town, waits.approval_id)) == "approval_granted"
    assert town.balances()["ada"] == 2500


def test_a_request_expires(town):
    waits = asked(lambda: pays_in(town, 2000))
    town.clock.now += timedelta(hours=1)
    assert town.accounts.approvals.read(town.caller("tess"), waits.approval_id).stage == "expired"
    assert refusal(lambda: grants(town, waits.approval_id)) == "approval_expired"
    assert town.accounts.approvals.waiting(town.caller("tess"), before=None, limit=9) == []
    assert town.balances()["ada"] == 500


def test_the_list_skips_decided_requests(town):
    made = [asked(lambda n=n: pays_in(town, 2000 + n)).approval_id for n in range(205)]
    tess, approvals = town.caller("tess"), town.accounts.approvals
    for each in made[5:-1]:
        approvals.refuse(tess, each, None)
    first = approvals.waiting(tess, before=None, limit=2)
    assert [each.id for each in first] == [made[-1], made[4]]
    last = first[-1].recorded
    rest = approvals.waiting(tess, before=(last.at, last.entry.id), limit=9)
    assert [each.id for each in rest] == made[3::-1]


def test_an_unknown_request_is_not_found(town):
    with pytest.raises(NotFound):
        grants(town, "00000000-0000-7000-8000-000000009999")


@pytest.fixture
def admins(town):
    """Two admins that the bank has registered, and a customer."""
    found = [town.users.add(name, "", role=Role.ADMIN) for name in ("root", "rose")]
    carl = town.users.add("carl", "")
    return [*(Caller(each.id, Role.ADMIN, "session") for each in found), carl]


def test_a_role_waits_for_a_second_admin(town, admins):
    root, rose, carl = admins
    change = (town.users, town.accounts, root, carl.id, Role.TELLER)
    waits = asked(lambda: approved_roles.change_role(*change))
    assert town.users.read(carl.id).role is Role.CUSTOMER
    with pytest.raises(Forbidden):
        grants(town, waits.approval_id)
    granted = approved_roles.grant(town.users, town.accounts, rose, waits.approval_id, None)
    assert granted.stage == "granted"
    assert town.users.read(carl.id).role is Role.TELLER
    assert approved_roles.change_role(*change).role is Role.TELLER


def test_an_admin_grants_no_role_of_its_own(town, admins):
    root, rose, _ = admins
    change = (town.users, town.accounts, root, rose.id, Role.TELLER)
    waits = asked(lambda: approved_roles.change_role(*change))
    with pytest.raises(OwnAccount):
        approved_roles.grant(town.users, town.accounts, rose, waits.approval_id, None)


def test_a_grant_leaves_the_last_admin(town, admins):
    root, rose, _ = admins
    roles = town.users, town.accounts
    waits = asked(lambda: approved_roles.change_role(*roles, root, root.id, Role.CUSTOMER))
    town.users.change_role(root, rose.id, Role.CUSTOMER)
    with pytest.raises(LastAdmin):
        approved_roles.grant(*roles, rose, waits.approval_id, None)
    assert town.accounts.approvals.read(rose, waits.approval_id).stage == "open"
