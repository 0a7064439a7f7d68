"""The pytest plugin: its fixtures, marker and options, beside projects of all kinds."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from accounts_bank.testing import LocalServer

pytest_plugins = ["pytester"]

IN_PROCESS = (
    *("-p", "no:xdist", "-W", "error"),
    *("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"),
)
"""This process has imported the bank already; a process of its own has not."""
OWN_PROCESS = "-W", "error", "-p", "no:schemathesis", "-p", "no:hypothesispytest"
"""Two plugins that take seconds to import stay out."""

RENT = """
def test_rent_is_paid_on_the_first(accounts_bank):
    ada = accounts_bank.customer("ada", balance_minor=100_00)
    ben = accounts_bank.customer("ben")
    first = {"first_at": accounts_bank.clock.now.isoformat(), "every": "month"}
    ada.post("/v1/schedules", ada.payment_to(ben, 30_00) | first)
    assert accounts_bank.clock.advance("P1M").fired[0].status == "recorded"
    assert ben.balance_minor >= 30_00
"""
BREAK = """
import pytest
from accounts_bank.http.banks import BANKS_EXTENSION

def test_it(accounts_bank, accounts_server):
    accounts_bank.customer("ada", balance_minor=5)
    bank = accounts_server.app.extensions[BANKS_EXTENSION]._entries[accounts_bank.id].bank
    lines = bank.verifier._contents.accounts._store._lines
    account_id = next(name for name, each in lines.items() if each)
    lines[account_id].pop()
"""
SEEDED = """
import pytest

@pytest.mark.accounts(seed=7, now="2026-01-31T00:00:00Z")
def test_it(accounts_bank):
    print("id", accounts_bank.customer("ada").account.id, accounts_bank.clock.now)
"""
TWO = """
def test_two_banks(accounts_bank_factory):
    one, other = accounts_bank_factory(seed=1), accounts_bank_factory(seed=2)
    ada, namesake = one.customer("ada", balance_minor=5), other.customer("ada")
    assert one.url != other.url
    assert (ada.balance_minor, namesake.balance_minor) == (5, 0)
"""
COUNTED = """
import pytest

@pytest.mark.parametrize("number", range(20))
def test_it(accounts_bank, number):
    ada = accounts_bank.customer("ada", balance_minor=number)
    assert ada.balance_minor == number

def test_nothing_is_left(accounts_server):
    assert accounts_server.client.get("/v1/sandbox/banks").data == []
"""


@pytest.fixture
def run(pytester):
    """Run one test file in this process; warnings are errors there too."""

    def ran(text, *options):
        pytester.makepyfile(text)
        return pytester.runpytest_inprocess(*IN_PROCESS, *options)

    return ran


def test_the_wheel_registers_the_plugin():
    (point,) = entry_points(group="pytest11", name="accounts")
    assert point.value == "accounts_bank.testing.pytest_plugin"


def test_a_test_gets_a_bank_of_its_own(run):
    run(RENT).assert_outcomes(passed=1)


def test_banks_are_gone_after_their_tests(run):
    run(COUNTED).assert_outcomes(passed=21)


def test_a_wrong_bank_fails_its_test(run):
    result = run(BREAK)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*The books of the bank are wrong: *"])


def test_the_marker_gives_seed_and_time(run):
    ids = {
        line
        for _ in range(2)
        for line in run(SEEDED, "-s", "--strict-markers").outlines
        if "id 0" in line
    }
    (line,) = ids
    assert line.endswith("2026-01-31 00:00:00+00:00")


def test_a_factory_makes_several_banks(run):
    run(TWO).assert_outcomes(passed=1)


def test_a_url_names_another_process(run):
    server = LocalServer()
    result = run(
        f"def test_it(accounts_bank):\n    print(accounts_bank.url)\n{RENT}",
        "-s",
        "--accounts-url",
        server.url,
    )
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([f"*{server.url}/banks/*"])
    server.close()


def test_the_option_and_the_marker_are_described(run):
    run("", "--help").stdout.fnmatch_lines(["*--accounts-url=URL*"])
    run("", "--markers").stdout.fnmatch_lines(["@pytest.mark.accounts(seed=None, now=None)*"])


def test_workers_of_xdist_have_a_server_each(pytester):
    pytester.makepyfile(RENT, test_other=COUNTED)
    result = pytester.runpytest_subprocess(*OWN_PROCESS, "-n", "2")
    result.assert_outcomes(passed=22)


@pytest.mark.parametrize("layout", ["rootdir", "src"])
def test_it_runs_in_a_project_with_packages_of_similar_names(pytester, layout):
    home = pytester.path / ("src" if layout == "src" else "")
    for name in ("accounts", "app", "testing", "config"):
        (home / name).mkdir(parents=True)
        (home / name / "__init__.py").write_text(f"THEIRS = {name!r}\n")
    (pytester.path / "config.json").write_text('{"theirs": 1}')
    pytester.makeini(f"[pytest]\npythonpath = {home}\n")
    theirs = "import accounts, app, testing, config\n\ndef test_theirs(accounts_bank):\n"
    pytester.makepyfile(
        f"{theirs}    assert (accounts.THEIRS, app.THEIRS) == ('accounts', 'app')\n"
    )
    pytester.runpytest_subprocess(*OWN_PROCESS).assert_outcomes(passed=1)


def test_a_project_that_does_not_use_it_imports_nothing_of_the_bank():
    code = (
        "import sys, accounts_bank.testing.pytest_plugin\n"
        "heavy = {'flask', 'werkzeug', 'msgspec', 'sqlalchemy', 'argon2'}\n"
        "ours = {name for name in sys.modules if name.startswith('accounts_bank')}\n"
        "print(sorted(heavy & set(sys.modules)), len(ours))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "3"]
