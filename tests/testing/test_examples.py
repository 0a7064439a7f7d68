"""The examples and the blocks of docs/testing.md work, and each retry is needed."""

import re
import shutil

import pytest

from tests.gates.test_root_names import ROOT
from tests.testing.test_plugin import IN_PROCESS

pytest_plugins = ["pytester"]

EXAMPLES = {
    "payments": "payment_client.py",
    "salaries": "payroll.py",
    "balances": "balance_page.py",
}
PAGE = (ROOT / "docs/testing.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def example(pytester):
    """Run an example with a line of its program replaced."""

    def ran(name, old="", new=""):
        for file in (ROOT / "examples" / name).glob("*.py"):
            shutil.copy(file, pytester.path)
        program = pytester.path / EXAMPLES[name]
        text = program.read_text()
        assert old in text
        program.write_text(text.replace(old, new))
        return pytester.runpytest_inprocess(*IN_PROCESS)

    return ran


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_passes_its_test(example, name):
    example(name).assert_outcomes(passed=1)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_needs_its_retry(example, name):
    example(name, "TRIES = 3", "TRIES = 1").assert_outcomes(failed=1)


@pytest.mark.parametrize("name", ["payments", "salaries"])
def test_an_example_that_pays_needs_its_key(example, name):
    example(name, '"Idempotency-Key": key,').assert_outcomes(failed=1)


def test_each_example_is_tested():
    assert {each.name for each in (ROOT / "examples").iterdir() if each.is_dir()} == set(EXAMPLES)


def test_the_first_five_minutes_work_when_they_are_pasted(pytester):
    pytester.makepyfile(test_rent=BLOCKS[0])
    pytester.runpytest_inprocess(*IN_PROCESS).assert_outcomes(passed=4)


def test_the_bank_without_a_server_works_when_it_is_pasted():
    exec(BLOCKS[1], {})  # noqa: S102 - our own page
