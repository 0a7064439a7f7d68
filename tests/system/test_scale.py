"""`python -m bench scale` fills a real bank and sends it the requests that it names."""

import os
import subprocess
from urllib.request import Request, urlopen

import msgspec
import pytest

from bench import scale
from bench.fill import Size
from tests.system.servers import ACCOUNTS

SIZE = Size(600, 3_000)


@pytest.fixture(params=["sqlite", "postgres"])
def bank(request, tmp_path):
    in_file = scale.make(tmp_path / "bank", SIZE)
    if request.param == "sqlite":
        return in_file
    return scale.copy(in_file, request.getfixturevalue("postgres"), "scale")


def test_a_filled_bank_verifies(bank):
    environment = os.environ | {
        "ACCOUNTS_STORE_URL": bank.url,
        "ACCOUNTS_AUDIT_LOG": str(bank.audit_log),
    }
    done = subprocess.run(
        [ACCOUNTS, "verify"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "601 accounts, 2100 entries, 3000 lines, 2100 lines of the audit log." in done.stdout


def test_the_bank_answers_the_requests_of_the_benchmark(bank):
    with scale.serve(bank) as server:
        for calls_of in (scale.pages, scale.transfers):
            for call in calls_of(bank, 1)[:20]:
                body = msgspec.json.encode(call.body) if call.body else None
                headers = {"Content-Type": "application/json"}
                headers["Authorization"] = f"Bearer {call.token}"
                request = Request(server.url + call.path, body, headers, method=call.method)  # noqa: S310
                with urlopen(request, timeout=10) as answer:  # noqa: S310
                    assert answer.status in {200, 201}
