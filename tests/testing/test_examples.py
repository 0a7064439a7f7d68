"""The examples and the blocks of docs/testing.md work, and each retry is needed."""

import re
import shutil

import pytest

from tests.gates.test_root_names import ROOT
from tests.testing.test_plugin import IN_PROCESS

pytest_plugins = ["pytester"]

PAYMENTS = ROOT / "examples/payments"
PAGE = (ROOT / "docs/testing.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def payments(pytester):
    """Run the example with a line of its client replaced."""

    def ran(old="", new=""):
        for name in ("payment_client.py", "test_payments.py"):
            shutil.copy(PAYMENTS / name, pytester.path)
        client = pytester.path / "payment_client.py"
        text = client.read_text()
        assert old in text
        client.write_text(text.replace(old, new))
        return pytester.runpytest_inprocess(*IN_PROCESS)

    return ran


def test_the_payment_client_pays_once(payments):
    payments().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("old", "new"), [("TRIES = 3", "TRIES = 1"), ('"Idempotency-Key": key,', "")]
)
def test_the_payment_client_needs_its_retry_and_its_key(payments, old, new):
    payments(old, new).assert_outcomes(failed=1)


def test_the_first_five_minutes_work_when_they_are_pasted(pytester):
    pytester.makepyfile(test_rent=BLOCKS[0])
    pytester.runpytest_inprocess(*IN_PROCESS).assert_outcomes(passed=4)


def test_the_bank_without_a_server_works_when_it_is_pasted():
    exec(BLOCKS[1], {})  # noqa: S102 - our own page
