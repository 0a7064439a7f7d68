"""Faults of a bank: the requests that they act on, their hits, and their place in snapshots."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts_bank.app import create_app
from accounts_bank.audit.chain import trail_line
from accounts_bank.errors import SandboxFull
from accounts_bank.sandbox.faults import FAULTS_MAX, Call, Effect, Faults, Match, Plan
from tests.helpers import START, Http, code

FAULTS = "/v1/sandbox/faults"
ANSWER = {"answer": 503}


def fault(bank, do=ANSWER, **fields: Any) -> Any:
    """Make a fault; return it."""
    answer = bank.admin("POST", FAULTS, {"do": do} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json


def statuses(bank, times=4, payer="ada", payee="ben"):
    """Pay some times; return the statuses."""
    return [bank.send(payer, payee, 1).status_code for _ in range(times)]


def pay_with(bank, effect, key=None):
    """Pay once with a fault in the header."""
    wish = {
        "from_account": bank.accounts["ada"]["id"],
        "to_account": bank.accounts["ben"]["number"],
        "amount_minor": 1,
        "currency": "EUR",
    }
    headers = {"Accounts-Fault": effect}
    return bank.people["ada"]("POST", "/v1/transfers", wish, key=key, headers=headers)


def read(bank, made):
    return bank.admin("GET", f"{FAULTS}/{made['id']}").json


def test_a_fault_acts_once_and_tells_the_request(bank):
    made = fault(bank, match={"operation": "transfers_transfer"})
    assert (made["left"], made["hits"]) == (1, [])
    hit = bank.send("ada", "ben", 1)
    assert statuses(bank) == [201] * 4
    after = read(bank, made)
    request_id = hit.headers["X-Request-Id"]
    assert (after["left"], [each["request_id"] for each in after["hits"]]) == (0, [request_id])
    assert bank.balance_minor("ben") == 504


def test_an_answer_is_a_problem_with_the_code_and_the_pause_that_were_asked_for(bank):
    fault(bank, {"answer": 429, "code": "slow_down", "retry_after_s": 7})
    answer = bank.send("ada", "ben", 1)
    assert code(answer) == (429, "slow_down")
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Retry-After"] == "7"
    assert answer.json["title"] == "Slow down"


@pytest.mark.parametrize(
    ("status", "expected"),
    [(503, "unavailable"), (502, "internal_error"), (418, "invalid_request")],
)
def test_an_answer_without_a_code_has_the_usual_one(bank, status, expected):
    fault(bank, {"answer": status})
    assert code(bank.send("ada", "ben", 1)) == (status, expected)


def test_faults_of_equal_requests_act_one_after_the_other(bank):
    fault(bank, {"answer": 503})
    fault(bank, {"answer": 500}, times=2)
    assert statuses(bank) == [503, 500, 500, 201]


def test_a_fault_acts_from_the_nth_request_on(bank):
    fault(bank, match={"nth": 3}, times=2)
    assert statuses(bank, 6) == [201, 201, 503, 503, 201, 201]


@pytest.mark.parametrize(
    "named",
    [
        {"operation": "auth_login"},
        {"user": "ben"},
        {"user": "chiara"},
        {"account": "01a2251e-c449-7000-8000-193eb925d680"},
        {"operation": "transfers_transfer", "user": "ben"},
    ],
)
def test_a_fault_leaves_requests_alone_that_it_does_not_match(bank, named):
    made = fault(bank, match=named, times=9)
    assert statuses(bank) == [201] * 4
    assert read(bank, made)["left"] == 9


def test_a_fault_matches_a_user_by_id_and_by_name(bank):
    ada_id = bank.people["ada"]("GET", "/v1/users/me").json["id"]
    for name in (ada_id, "Ada"):
        fault(bank, match={"user": name})
        assert statuses(bank, 2, "ben", "ada") == [201, 201]
        assert statuses(bank, 2) == [503, 201]


def test_a_fault_matches_an_account_by_id_and_number_in_path_and_body(bank):
    ben = bank.accounts["ben"]
    for name in (ben["id"], ben["number"]):
        fault(bank, match={"account": name}, times=3)
        assert bank.people["ada"]("GET", "/v1/accounts").status_code == 200
        assert statuses(bank, 1) == statuses(bank, 1, "ben", "ada") == [503]
        path = f"/v1/accounts/{ben['id']}/lines"
        assert bank.people["ben"]("GET", path).status_code == 503


def test_a_fault_matches_an_account_of_a_bulk(bank):
    row = {"to_account": bank.accounts["ben"]["number"], "amount_minor": 1, "currency": "EUR"}
    rows = [row | {"from_account": bank.accounts["ada"]["id"]}]
    wish = {"mode": "each", "transfers": rows}
    fault(bank, match={"account": bank.accounts["ben"]["id"]})
    answers = [bank.people["ada"]("POST", "/v1/transfers/bulk", wish) for _ in "12"]
    assert answers[0].status_code == 503
    assert answers[1].status_code == 200


def test_a_fault_matches_a_sign_in_by_its_username(bank):
    wish = {"username": "Ada", "password": "wrong horse"}
    fault(bank, match={"user": "ada", "operation": "auth_login"})
    assert code(bank.admin("POST", "/v1/auth/login", wish)) == (503, "unavailable")
    assert bank.admin("POST", "/v1/auth/login", wish).status_code == 401


def test_calls_of_the_sandbox_are_hit_only_by_their_name(bank):
    fault(bank, times=99)
    assert bank.admin("GET", "/v1/sandbox/clock").status_code == 200
    fault(bank, match={"operation": "sandbox_read_clock"})
    assert bank.admin("GET", "/v1/sandbox/clock").status_code == 503
    assert bank.admin("DELETE", FAULTS).status_code == 204
    assert bank.admin("GET", FAULTS).json["data"] == []
    assert statuses(bank, 1) == [201]


def test_a_fault_touches_no_other_bank(make, http):
    hit, other = make(), make()
    fault(hit, times=99)
    assert statuses(other) == [201] * 4
    assert http("GET", FAULTS).json["data"] == []
    assert http.joined("ada")("GET", "/v1/accounts").status_code == 200
    assert statuses(hit) == [503] * 4


def test_a_deleted_fault_acts_no_more(bank):
    made = fault(bank, times=9)
    assert statuses(bank, 1) == [503]
    path = f"{FAULTS}/{made['id']}"
    assert bank.admin("DELETE", path).status_code == 204
    assert statuses(bank, 1) == [201]
    assert [bank.admin(each, path).status_code for each in ("GET", "DELETE")] == [404, 404]


def test_a_snapshot_and_a_reset_hold_the_faults(bank):
    fault(bank, times=3, match={"nth": 2})
    assert statuses(bank, 2) == [201, 503]
    bank.admin("PUT", "/v1/sandbox/snapshots/x")
    before = bank.admin("GET", FAULTS).json
    assert statuses(bank, 3) == [503, 503, 201]
    assert bank.admin("POST", "/v1/sandbox/snapshots/x/restore").status_code == 200
    assert bank.admin("GET", FAULTS).json == before
    assert statuses(bank, 3) == [503, 503, 201]
    bank.admin("POST", "/v1/sandbox/reset", {"to": "seed"})
    assert bank.admin("GET", FAULTS).json["data"] == []
    assert statuses(bank, 1) == [201]


def test_faults_move_no_id_and_no_digest_of_the_bank(make):
    plain, faulty = make(), make()
    fault(faulty)
    assert statuses(faulty, 1) == [503]
    holds = [bank.hold("ada", "ben", 1, 60)["id"] for bank in (plain, faulty)]
    assert holds[0] == holds[1]
    assert plain.digest() == faulty.digest()


def test_equal_banks_and_calls_make_equal_faults(make):
    first, second = (fault(make(), probability=0.5, seed=1) for _ in range(2))
    assert first == second


def test_a_probability_draws_the_same_requests_for_the_same_seed(make):
    drawn = []
    for seed in (1, 1, 2):
        bank = make()
        fault(bank, times=100, probability=0.5, seed=seed)
        drawn.append(statuses(bank, 40))
    assert drawn[0] == drawn[1] != drawn[2]
    assert 8 < drawn[0].count(503) < 32


@pytest.mark.parametrize("effect", ["drop=before", "drop=after_commit", "truncate=60"])
def test_a_client_in_the_process_loses_its_connection(bank, effect):
    with pytest.raises(ConnectionAbortedError):
        pay_with(bank, effect, key="a")
    again = bank.send("ada", "ben", 1, key="a")
    is_replay = effect != "drop=before"
    assert (again.headers.get("Idempotent-Replayed") == "true") is is_replay
    assert bank.balance_minor("ben") == 501


def test_a_fault_in_the_header_counts_for_no_other_fault(bank):
    made = fault(bank, times=9)
    answer = pay_with(bank, "answer=500; code=odd; retry_after_s=3")
    assert (code(answer), answer.headers["Retry-After"]) == ((500, "odd"), "3")
    assert read(bank, made)["left"] == 9


@pytest.mark.parametrize(
    "text", ["", "drop", "drop=now", "answer=99", "answer=503;drop=before", "truncate=-1", "x=1"]
)
def test_a_faulty_header_is_refused(bank, text):
    answer = pay_with(bank, text)
    assert code(answer) == (400, "invalid_request")
    assert bank.balance_minor("ben") == 500


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"do": {}},
        {"do": {"answer": 503, "drop": "before"}},
        {"do": {"drop": "sometimes"}},
        {"do": {"delay_ms": 1, "code": "late"}},
        {"do": {"answer": 99}},
        {"do": {"answer": 600}},
        {"do": {"truncate": -1}},
        {"do": {"delay_ms": 60_001}},
        {"do": ANSWER, "times": 0},
        {"do": ANSWER, "ttl_s": 0},
        {"do": ANSWER, "probability": 1.5},
        {"do": ANSWER, "match": {"nth": 0}},
        {"do": ANSWER, "match": {"operation": "transfers_trasnfer"}},
        {"do": ANSWER, "match": {"path": "/v1/transfers"}},
    ],
)
def test_a_wrong_fault_is_refused(bank, body):
    assert code(bank.admin("POST", FAULTS, body)) == (400, "invalid_request")
    assert bank.admin("GET", FAULTS).json["data"] == []


def test_a_list_of_faults_has_pages(bank):
    ids = [fault(bank)["id"] for _ in range(3)]
    first = bank.admin("GET", f"{FAULTS}?limit=2").json
    rest = bank.admin("GET", f"{FAULTS}?cursor={first['next_cursor']}").json
    assert [each["id"] for each in first["data"] + rest["data"]] == ids


def test_each_call_is_audited(app, bank):
    made = fault(bank)
    bank.admin("GET", FAULTS)
    bank.admin("DELETE", f"{FAULTS}/{made['id']}")
    own = app.extensions["accounts.banks"]._entries[bank.id].bank
    lines = [trail_line(each) for each in own.audit.trail(0, 1_000)][-3:]
    for line, name in zip(lines, ("make_fault", "list_faults", "delete_fault"), strict=True):
        assert f'"event":"sandbox_{name}"'.encode() in line


def test_without_the_sandbox_the_routes_and_the_header_mean_nothing(passwords):
    app = create_app({}, passwords=passwords)
    http = Http(app)
    assert http("GET", FAULTS).status_code == 404
    assert not any("faults" in path for path in http("GET", "/openapi.json").json["paths"])
    for effect in ("drop=before", "answer=503", "truncate=1", "nonsense"):
        answer = http("GET", "/health/live", headers={"Accounts-Fault": effect})
        assert answer.status_code == 200
    app.extensions["accounts"].close()


class Time:
    """A clock that a test moves."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


CALL = Call("r", "transfers_transfer", is_sandbox=False, users=frozenset(), accounts=frozenset())


def plan(**fields: Any) -> Plan:
    return Plan(match=Match(), do=Effect(answer=503), **fields)


def test_a_fault_ends_after_its_seconds_of_real_time():
    time = Time()
    faults = Faults(time, lambda: START, "7")
    made = faults.add(plan(times=9, ttl_s=10))
    time.now += timedelta(seconds=9)
    assert faults.hit(CALL) == Effect(answer=503)
    time.now += timedelta(seconds=1)
    assert faults.hit(CALL) is None
    assert (faults.fault(made.id).left(time.now), len(faults.fault(made.id).hits)) == (0, 1)


def test_a_restored_fault_lasts_as_long_as_it_had_left():
    time = Time()
    faults = Faults(time, lambda: START, "7")
    faults.add(plan(times=9, ttl_s=10))
    time.now += timedelta(seconds=4)
    saved = faults.state()
    time.now += timedelta(hours=1)
    faults.restore(saved)
    time.now += timedelta(seconds=5)
    assert faults.hit(CALL) is not None
    time.now += timedelta(seconds=1)
    assert faults.hit(CALL) is None


def test_a_fault_that_has_ended_makes_room_for_a_new_one():
    faults = Faults(Time(), lambda: START, "7")
    for _ in range(FAULTS_MAX):
        faults.add(plan())
    with pytest.raises(SandboxFull):
        faults.add(plan())
    faults.hit(CALL)
    faults.add(plan())
    assert len(faults.all()) == FAULTS_MAX
