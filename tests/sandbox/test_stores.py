"""The same seed and the same calls give the same ids, fired entries and digest on every store."""

from datetime import UTC, datetime, timedelta

import pytest
from limits.storage import MemoryStorage

from accounts_bank.audit.sealer import Sealer
from accounts_bank.collections.runner import Runner
from accounts_bank.composition import Process, lasting_bank
from accounts_bank.config import Settings
from accounts_bank.http.middleware import InFlight
from accounts_bank.http.rate_limits import RateLimits
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Every, Hold, Schedule, Transfer
from accounts_bank.observability.observer import Observer
from accounts_bank.sandbox.people import NewAccount, NewUser, enter_admin, join
from accounts_bank.stores.factory import open_stores

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
    limits = RateLimits(settings, MemoryStorage())
    shared = Observer(), InFlight(), Runner(), limits
    process = Process(settings, passwords, lambda: REAL, *shared)
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
