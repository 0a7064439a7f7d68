"""The same seed and the same calls give the same ids, fired entries and digest on every store."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts_bank.audit.sealer import Sealer
from accounts_bank.collections.runner import Runner
from accounts_bank.composition import Process, lasting_bank, memory_bank
from accounts_bank.config import Settings
from accounts_bank.errors import ApiError
from accounts_bank.http.middleware import InFlight
from accounts_bank.http.rate_limits import RateLimits
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Every, Hold, Schedule, Transfer
from accounts_bank.observability.observer import Observer
from accounts_bank.sandbox.faults import Call, Effect, Match, Plan
from accounts_bank.sandbox.people import NewAccount, NewUser, enter_admin, join
from accounts_bank.stores.factory import open_stores
from accounts_bank.stores.memory import InMemoryCounters
from tests.rounds import rounds

STORES = ("sqlite", "postgres", "mongo")
START = datetime(2028, 1, 31, tzinfo=UTC)
REAL = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=STORES)
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/bank.db"
    server = request.getfixturevalue(request.param)
    is_mongo = request.param == "mongo"
    return server.emptied("sandbox") if is_mongo else server.database("sandbox")


def bank_at(url, passwords):
    stores, settings = open_stores(url, Observer()), Settings(STORE_URL=url, SANDBOX=True)
    sealer = Sealer(stores.journal, None, in_background=lambda: False)
    limits = RateLimits(settings, InMemoryCounters())
    shared = Observer(), InFlight(), Runner(), limits
    process = Process(settings, passwords, lambda: REAL, *shared)
    if url == "memory://":
        return memory_bank(process, seed="7")[0]
    made, _ = lasting_bank(process, stores, sealer, seed="7")
    return made


@pytest.fixture
def bank(url, passwords):
    made = bank_at(url, passwords)
    yield made
    made.close()


@pytest.fixture(scope="module")
def expected(passwords):
    return told(bank_at("memory://", passwords))


def told(bank) -> tuple[object, ...]:
    """Run a script; return the entries that fired, the ids and the digest."""
    bank.sandbox.begin_at(START)
    admin, _ = enter_admin(bank.users)
    main = (NewAccount("EUR", "Main", 1_000),)
    people = [NewUser(name, accounts=main) for name in ("ada", "ben")]
    ada, ben = join(bank.users, bank.accounts, admin, people)
    caller = Caller(ada.user.id, ada.user.role, "")
    ends = ada.accounts[0].id, ben.accounts[0].id
    bank.accounts.holds.create(caller, Hold(*ends, 100, "EUR", 3_600), None)
    rent = Schedule(*ends, 400, "EUR", first_at=START + timedelta(hours=1), every=Every.MONTH)
    bank.accounts.schedules.create(caller, rent, None)
    sent = bank.accounts.transfer(caller, Transfer(*ends, 30, "EUR"), "key")
    result = bank.sandbox.advance(lambda now, _due: now + timedelta(days=70))
    assert bank.verifier.verify().ok
    return sent.recorded, result, bank.sandbox.digest()


def test_a_script_tells_the_same_on_every_store(bank, expected):
    assert told(bank) == expected


names = st.permutations(["ada", "ben"])
amounts = st.integers(1, 800)
steps = st.one_of(
    st.tuples(st.just("send"), names, amounts, st.sampled_from([None, "a", "b"])),
    st.tuples(st.just("hold"), names, amounts, st.integers(1, 40 * 86_400)),
    st.tuples(st.just("plan"), names, amounts, st.integers(0, 40), st.sampled_from(Every)),
    st.tuples(st.just("advance"), st.integers(0, 40)),
    st.tuples(st.just("fault"), st.integers(1, 2)),
)


class Script:
    """A bank with Ada and Ben, and the steps of a script."""

    def __init__(self, bank):
        self.bank = bank
        bank.sandbox.begin_at(START)
        admin, _ = enter_admin(bank.users)
        people = [NewUser(name, accounts=(NewAccount("EUR", "Main", 1_000),)) for name in "ab"]
        joined = join(bank.users, bank.accounts, admin, people)
        self.callers = {
            name: Caller(each.user.id, each.user.role, "")
            for name, each in zip(("ada", "ben"), joined, strict=True)
        }
        self.ids = {
            name: each.accounts[0].id for name, each in zip(self.callers, joined, strict=True)
        }
        bank.sandbox.save("start")

    def run(self, script):
        """Start at the snapshot; return each answer, the digest and the faults."""
        self.bank.sandbox.restore("start")
        told = [self._step(*each) for each in script]
        report = self.bank.verifier.verify()
        assert report.ok, report.fault
        assert set(report.sums_minor.values()) <= {0}
        return told, self.bank.sandbox.digest(), self.bank.sandbox.faults.all()

    def _step(self, kind, *given):
        try:
            return getattr(self, f"_{kind}")(*given)
        except ApiError as error:
            return error.code

    def _send(self, ends, amount_minor, key):
        hit = self.bank.sandbox.faults.hit(CALL)
        if hit is not None:
            return hit
        action = Transfer(self.ids[ends[0]], self.ids[ends[1]], amount_minor, "EUR")
        return self.bank.accounts.transfer(self.callers[ends[0]], action, key)

    def _hold(self, ends, amount_minor, expires_in_s):
        action = Hold(self.ids[ends[0]], self.ids[ends[1]], amount_minor, "EUR", expires_in_s)
        return self.bank.accounts.holds.create(self.callers[ends[0]], action, None)

    def _plan(self, ends, amount_minor, in_days, every):
        first_at = self.bank.sandbox.now + timedelta(days=in_days)
        action = Schedule(
            self.ids[ends[0]], self.ids[ends[1]], amount_minor, "EUR", first_at, every, 4
        )
        return self.bank.accounts.schedules.create(self.callers[ends[0]], action, None)

    def _advance(self, days):
        return self.bank.sandbox.advance(lambda now, _due: now + timedelta(days=days))

    def _fault(self, times):
        self.bank.sandbox.faults.add(Plan(match=Match(), do=Effect(answer=503), times=times))


CALL = Call(
    "request", "transfers_transfer", is_sandbox=False, users=frozenset(), accounts=frozenset()
)


@pytest.fixture(scope="module")
def scripts(passwords, tmp_path_factory, request):
    """Open a bank on each store."""
    folder = tmp_path_factory.mktemp("scripts")
    urls = ["memory://", f"sqlite:///{folder}/bank.db"]
    urls.append(request.getfixturevalue("postgres").database("scripts"))
    urls.append(request.getfixturevalue("mongo").emptied("scripts"))
    opened = [Script(bank_at(url, passwords)) for url in urls]
    yield opened
    for each in opened:
        each.bank.close()


@pytest.mark.soak
@settings(max_examples=rounds(4, 200), suppress_health_check=list(HealthCheck))
@given(script=st.lists(steps, min_size=1, max_size=10))
def test_a_restored_bank_repeats_a_script_on_every_store(scripts, script):
    told = [each.run(script) for each in scripts for _ in range(2)]
    assert told == [told[0]] * len(told)
