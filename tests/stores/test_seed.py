"""`accounts seed FILE` writes an empty bank, all or nothing, and names the line that is wrong."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from accounts_bank.app import create_app
from accounts_bank.cli import main
from accounts_bank.ledger.integrity.proof import prove
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.factory import open_stores
from tests.helpers import Http

PASSWORD = "correct horse battery"
SEED = f"""\
since: 2026-01-01
users:
  - username: ada
    full_name: Ada Moreau
    password: {PASSWORD}
    accounts:
      - {{currency: EUR, balance_minor: 300000}}
      - {{name: Savings, currency: EUR}}
  - username: landlord
    accounts: [{{currency: EUR}}]
  - username: tess
    role: teller
movements:
  - kind: transfer
    from_account: ada
    to_account: landlord
    amount_minor: 95000
    reference: Rent
    at: 2026-02-01T08:00:00Z
  - {{kind: transfer, from_account: ada, to_account: ada/Savings, amount_minor: 7, at: 2026-01-05}}
  - {{kind: withdrawal, account: ada/Main, amount_minor: 4000}}
  - {{kind: deposit, account: landlord, amount_minor: 1}}
"""


def seeded(text: str, url: str) -> str:
    Path("seed.yaml").write_text(text)
    done = CliRunner().invoke(main, ["seed", "seed.yaml"], env={"ACCOUNTS_STORE_URL": url})
    assert done.exit_code in {0, 1}, done.output
    assert "Traceback" not in done.output
    return done.output.splitlines()[-1]


@pytest.fixture(params=["sqlite", "postgres", "mongo"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/bank.db"
    server = request.getfixturevalue(request.param)
    return server.database("seeded") if request.param == "postgres" else server.emptied("seeded")


def test_a_seeded_bank_is_right_and_serves_its_users(url, passwords):
    assert seeded(SEED, url) == f"The bank is in {url}."
    with closing(open_stores(url, Observer())) as stores, stores.accounts.ledger() as ledger:
        assert prove(ledger).customers == 2
    app = create_app({"STORE_URL": url}, passwords=passwords)
    with closing(app.extensions["accounts"]) as bank:
        http = Http(app)
        ada = http.signed_in("ada", PASSWORD)
        accounts = {each["name"]: each for each in ada("GET", "/v1/accounts").json["data"]}
        assert {name: each["balance_minor"] for name, each in accounts.items()} == {
            "Main": 300_000 - 95_000 - 7 - 4_000,
            "Savings": 7,
        }
        rent, saved = ada("GET", "/v1/transfers").json["data"]
        assert (rent["reference"], rent["at"]) == ("Rent", "2026-02-01T08:00:00Z")
        assert (saved["amount_minor"], saved["at"]) == (7, "2026-01-05T00:00:00Z")
        assert bank.verifier.verify().ok


def test_a_bank_that_has_something_is_refused(tmp_path):
    url = f"sqlite:///{tmp_path}/bank.db"
    seeded(SEED, url)
    assert seeded(SEED, url).endswith("The database holds something already: name an empty one.")


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ("amount_minor: 95000", "amount_minor: 950000", 14, "does not hold enough"),
        ("amount_minor: 95000", "amount_minor: 95.0", 17, "Expected `int`"),
        ("amount_minor: 95000", "amount_minor: true", 17, "Expected `int`"),
        ("amount_minor: 95000", "amount_minor: 0", 17, ">= 1"),
        ("to_account: landlord", "to_account: lanlord", 16, "no account lanlord"),
        ("account: ada/Main", "account: ada/Mine", 21, "no account ada/Mine"),
        ("kind: withdrawal", "kind: payout", 21, "Invalid value"),
        ("role: teller", "rolle: teller", 11, "unknown field `rolle`"),
        ("role: teller", "role: boss", 12, "Invalid enum value"),
        ("username: tess", "username: ADA", 11, "has that username"),
        ("username: landlord", "usename: landlord", 9, "unknown field `usename`"),
        (PASSWORD, "password", 5, "common"),
        ("name: Savings", "name: Main", 8, "two accounts Main"),
        ("currency: EUR}]", "currency: EURO}]", 10, "Invalid enum value"),
        ("2026-02-01T08:00:00Z", "2999-02-01", 19, "in the future"),
        ("at: 2026-01-05", "at: 2025-12-31", 20, "before `since`"),
        ("at: 2026-01-05", "at: yesterday", 20, "RFC 3339"),
        ("movements:", "users:", 13, "users stands twice"),
        ("full_name: Ada Moreau", "full_name: [", 6, "expected"),
    ],
)
def test_an_error_names_its_line_and_leaves_no_bank(old, new, line, why, tmp_path):
    assert old in SEED
    told = seeded(SEED.replace(old, new, 1), f"sqlite:///{tmp_path}/bank.db")
    assert told.startswith(f"Error: seed.yaml, line {line}: "), told
    assert why in told
    assert not (tmp_path / "bank.db").exists()


def test_an_alias_is_refused_since_a_few_make_a_file_without_end(tmp_path):
    bomb = "users: &a []\nmovements: *a\n"
    told = seeded(bomb, f"sqlite:///{tmp_path}/bank.db")
    assert told.startswith("Error: seed.yaml, line 1: an alias is not supported")


@pytest.mark.parametrize("indent", [2, "\t", None])
def test_a_seed_may_be_json(indent, tmp_path):
    users = [{"username": "zoë", "full_name": "Zoë 😀", "accounts": [{"currency": "EUR"}]}]
    text = json.dumps({"users": users}, indent=indent)
    url = f"sqlite:///{tmp_path}/bank.db"
    assert seeded(text, url) == f"The bank is in {url}."
    with closing(open_stores(url, Observer())) as stores:
        (user,) = stores.users.users_after("", limit=10)
    assert (user.username, user.full_name) == ("zoë", "Zoë 😀")


def test_a_bank_in_memory_is_refused():
    assert "lives in the serving process" in seeded(SEED, "memory://")
