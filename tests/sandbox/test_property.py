"""Random scripts of calls, clock steps and snapshots: a restored bank repeats all of them."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts_bank.http.banks import BANKS_EXTENSION
from tests.rounds import rounds

NAMES = ("ada", "ben")
names = st.permutations(NAMES)
amounts = st.integers(1, 6_000)
steps = st.one_of(
    st.tuples(st.just("send"), names, amounts, st.sampled_from([None, "a", "b"])),
    st.tuples(st.just("hold"), names, amounts, st.integers(1, 4 * 86_400)),
    st.tuples(
        st.just("schedule"),
        names,
        amounts,
        st.sampled_from(["2026-01-31T00:00:00Z", "2026-02-28T12:00:00Z"]),
        st.sampled_from(["once", "day", "week", "month"]),
    ),
    st.tuples(st.just("advance"), st.sampled_from(["PT1H", "P1D", "P1M", "P3W"])),
    st.tuples(st.just("next_due")),
    st.tuples(st.just("open"), st.sampled_from(NAMES), st.sampled_from(["EUR", "JPY"])),
    st.tuples(st.just("freeze")),
    st.tuples(st.just("snapshot")),
)


def run(bank: Any, script: list[Any]) -> list[Any]:
    """Make the calls; return each answer, without the times of the machine."""
    return [getattr(Steps, kind)(bank, *arguments) for kind, *arguments in script]


class Steps:
    @staticmethod
    def send(bank, ends, amount_minor, key):
        return told(bank.send(*ends, amount_minor, key=key))

    @staticmethod
    def hold(bank, ends, amount_minor, expires_in_s):
        return told(pay(bank, "holds", ends, amount_minor, expires_in_s=expires_in_s))

    @staticmethod
    def schedule(bank, ends, amount_minor, first_at, every):
        more = {"first_at": first_at, "every": every, "count": 5}
        return told(pay(bank, "schedules", ends, amount_minor, **more))

    @staticmethod
    def advance(bank, duration):
        return bank.advance(by=duration)

    @staticmethod
    def next_due(bank):
        return bank.advance(to="next_due")

    @staticmethod
    def open(bank, name, currency):
        return told(bank.people[name]("POST", "/v1/accounts", {"name": "B", "currency": currency}))

    @staticmethod
    def freeze(bank):
        return bank.admin("PUT", "/v1/sandbox/clock", {"mode": "frozen"}).json

    @staticmethod
    def snapshot(bank):
        return told(bank.admin("PUT", "/v1/sandbox/snapshots/within"))


def told(answer: Any) -> Any:
    """Return what an answer tells about the bank, without its request and its prefix."""
    untold = {"request_id", "type"}  # of the request, and of the place where the bank is mounted
    return answer.status_code, {k: v for k, v in answer.json.items() if k not in untold}


def pay(bank, kind, ends, amount_minor, **more):
    payer, payee = ends
    fields = {
        "from_account": bank.accounts[payer]["id"],
        "to_account": bank.accounts[payee]["number"],
        "amount_minor": amount_minor,
        "currency": "EUR",
    }
    return bank.people[payer]("POST", f"/v1/{kind}", fields | more)


@pytest.mark.soak
@settings(max_examples=rounds(6, 300), suppress_health_check=list(HealthCheck))
@given(before=st.lists(steps, max_size=6), script=st.lists(steps, min_size=1, max_size=12))
def test_a_restored_bank_repeats_each_answer(app, bank, make, before, script):
    bank.admin("POST", "/v1/sandbox/reset", {"to": "seed"})
    run(bank, before)
    bank.admin("PUT", "/v1/sandbox/snapshots/start")
    first = run(bank, script), bank.digest(), trail(app, bank)
    bank.admin("POST", "/v1/sandbox/snapshots/start/restore")
    assert (run(bank, script), bank.digest(), trail(app, bank)) == first
    fork = make()
    run(fork, before)
    assert run(fork, script) == first[0]
    assert fork.digest() == first[1]
    for each in (bank, fork):
        report = inside(app, each).verifier.verify()
        assert report.ok, report.fault
        assert set(report.sums_minor.values()) <= {0}
    assert app.test_client().delete(f"/v1/sandbox/banks/{fork.id}").status_code == 204


def inside(app, bank):
    return app.extensions[BANKS_EXTENSION]._entries[bank.id].bank


def trail(app, bank):
    return len(inside(app, bank).audit.trail(0, 10_000))
