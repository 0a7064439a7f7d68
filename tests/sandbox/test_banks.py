"""Banks beside the first one: made ready, apart from each other, and gone without a trace."""

import threading

import pytest

from accounts_bank.app import create_app
from accounts_bank.audit.chain import trail_line
from accounts_bank.http.banks import BANKS_EXTENSION, IDLE_MAX_S
from tests.helpers import PASSWORD, Http, code
from tests.sandbox.conftest import PLAN, Under


def test_a_new_bank_has_people_with_tokens_and_money(app, http):
    answer = http("POST", "/v1/sandbox/banks", PLAN)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/sandbox/banks/{answer.json['id']}"
    assert answer.json["url"] == f"http://localhost/banks/{answer.json['id']}"
    ada = answer.json["users"][0]
    under = Under(f"/banks/{answer.json['id']}", app, ada["access_token"])
    assert under("GET", "/v1/users/me").json["username"] == "ada"
    (account,) = ada["accounts"]
    assert account == under("GET", f"/v1/accounts/{account['id']}").json
    assert (account["name"], account["balance_minor"]) == ("Main", 10_000)
    assert account["created_at"] == PLAN["now"]


def test_equal_plans_make_equal_banks(make):
    one, other = make(), make()
    assert one.id != other.id
    assert one.accounts == other.accounts
    assert one.digest() == other.digest()
    for bank in (one, other):
        bank.send("ada", "ben", 30)
    assert one.digest() == other.digest()
    assert make(seed=8).digest() != make().digest()


def test_a_token_opens_its_own_bank_alone(app, make):
    one, other = make(), make()
    for prefix in (other.path, ""):
        stranger = Under(prefix, app, one.people["ada"].token)
        assert code(stranger("GET", "/v1/accounts")) == (401, "invalid_token")
    joined = Http(app).joined("ada")
    assert code(Under(one.path, app, joined.token)("GET", "/v1/accounts")) == (401, "invalid_token")
    assert one.people["ada"]("GET", "/v1/accounts").status_code == 200


def test_banks_do_not_see_each_other(make):
    one, other = make(), make(seed=8)
    sent = one.send("ada", "ben", 30).json
    assert other.balance_minor("ada") == 10_000
    for path in (
        f"/v1/transfers/{sent['id']}",
        f"/v1/accounts/{one.accounts['ada']['id']}",
    ):
        assert code(other.people["ada"]("GET", path)) == (404, "not_found")


@pytest.mark.parametrize("settings", [{"RATE_LIMIT": "1 per hour"}])
def test_banks_count_their_limits_apart(make):
    one, other = make(), make()
    assert one.send("ada", "ben", 1).status_code == 201
    assert one.send("ada", "ben", 1).status_code == 429
    assert other.send("ada", "ben", 1).status_code == 201


def test_a_request_of_a_bank_is_logged_with_its_id(make, caplog):
    caplog.set_level("INFO", "accounts_bank.requests")
    bank = make()
    bank.send("ada", "ben", 1)
    context = caplog.records[-1].context
    assert (context["bank_id"], context["path"]) == (bank.id, "/v1/transfers")


def test_a_deleted_bank_is_unknown(make, http):
    bank = make()
    assert http("DELETE", f"/v1/sandbox/banks/{bank.id}").status_code == 204
    assert code(bank.people["ada"]("GET", "/v1/accounts")) == (404, "not_found")
    assert code(http("DELETE", f"/v1/sandbox/banks/{bank.id}")) == (404, "not_found")


def test_banks_are_listed_in_pages_where_they_were_made(make, http):
    banks = [make() for _ in range(3)]
    page = http("GET", "/v1/sandbox/banks?limit=2").json
    rest = http("GET", f"/v1/sandbox/banks?cursor={page['next_cursor']}").json
    assert [each["id"] for each in page["data"] + rest["data"]] == sorted(x.id for x in banks)
    assert banks[0].admin("GET", "/v1/sandbox/banks").json["data"] == []


def test_a_bank_deletes_none_but_its_own(make):
    one, other = make(), make()
    answer = one.admin("DELETE", f"/v1/sandbox/banks/{other.id}")
    assert code(answer) == (404, "not_found")


def test_an_idle_bank_is_deleted_and_a_used_one_stays(app, make):
    banks, now_s = app.extensions[BANKS_EXTENSION], [0.0]
    banks._now_s = lambda: now_s[0]
    idle, used = make(), make()
    now_s[0] = IDLE_MAX_S
    used.clock()
    now_s[0] += 1
    banks.tick()
    assert code(idle.admin("GET", "/v1/sandbox/clock")) == (404, "not_found")
    assert used.admin("GET", "/v1/sandbox/clock").status_code == 200


@pytest.mark.parametrize("settings", [{"SANDBOX_BANKS": 2}])
def test_there_are_at_most_as_many_banks_as_the_setting_says(make, http):
    make()
    second = make()
    refused = http("POST", "/v1/sandbox/banks", PLAN)
    assert code(refused) == (429, "sandbox_full")
    assert refused.headers["Retry-After"] == "60"
    http("DELETE", f"/v1/sandbox/banks/{second.id}")
    make()


@pytest.mark.parametrize(
    ("plan", "refusal"),
    [
        ({"users": [{"username": "ada"}, {"username": "ADA"}]}, (409, "username_taken")),
        ({"snapshot": "missing"}, (404, "not_found")),
        ({"snapshot": "x", "seed": 1}, (400, "invalid_request")),
        ({"now": "yesterday"}, (400, "invalid_request")),
        ({"users": [{"username": "sandbox-admin"}]}, (409, "username_taken")),
    ],
)
def test_a_bank_that_cannot_be_made_leaves_nothing(http, plan, refusal):
    assert code(http("POST", "/v1/sandbox/banks", plan)) == refusal
    assert http("GET", "/v1/sandbox/banks").json["data"] == []


def test_many_banks_need_no_thread_of_their_own(make):
    make()
    before = threading.active_count()
    banks = [make() for _ in range(20)]
    for bank in banks:
        bank.send("ada", "ben", 1)
    assert threading.active_count() <= before


def test_a_user_without_a_password_cannot_sign_in(bank):
    for password in ("", "nobody has this password", PASSWORD):
        body = {"username": "ada", "password": password}
        assert bank.admin("POST", "/v1/auth/login", body).status_code in {400, 401}


def test_every_bank_proves_itself_and_keeps_its_own_audit_trail(make, app):
    bank = make()
    bank.send("ada", "ben", 1)
    bank.admin("GET", "/v1/sandbox/clock")
    own = app.extensions[BANKS_EXTENSION]._entries[bank.id].bank
    assert own.verifier.verify().ok
    events = [trail_line(each).decode() for each in own.audit.trail(0, 100)]
    assert '"event":"sandbox_read_clock"' in events[-1]
    assert '"event":"transfer"' in events[-2]


class TestWithoutTheSetting:
    @pytest.fixture
    def app(self, passwords):
        made = create_app({}, passwords=passwords)
        yield made
        made.extensions["accounts"].close()

    def test_the_sandbox_does_not_exist(self, app, http):
        unknown = http("GET", "/v1/unknown").json["detail"]
        for method, path in [
            ("POST", "/v1/sandbox/banks"),
            ("GET", "/v1/sandbox/clock"),
            ("POST", "/v1/sandbox/reset"),
            ("GET", "/v1/sandbox/digest"),
            ("GET", "/banks/x/v1/users/me"),
        ]:
            answer = http(method, path)
            assert code(answer) == (404, "not_found")
            assert answer.json["detail"] == unknown
        assert "sandbox" not in http("GET", "/openapi.json").text
