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
    made = scale.made(tmp_path / "bank", SIZE)
    if request.param == "sqlite":
        return made
    return scale.copied(made, request.getfixturevalue("postgres"), "scale")


def test_a_bank_that_was_filled_is_proven(bank):
    environment = os.environ | {
        "ACCOUNTS_STORE_URL": bank.url,
        "ACCOUNTS_AUDIT_LOG": str(bank.audit_log),
    }
    said = subprocess.run(
        [ACCOUNTS, "verify"], env=environment, capture_output=True, text=True, check=True
    ).stdout
    counted = "601 accounts, 2100 entries, 3000 lines, 2100 lines of the audit log."
    assert said == f"{counted}\nThe books are right.\n"


def test_the_bank_answers_the_requests_of_the_benchmark(bank):
    with scale.served(bank) as server:
        for what in (scale.pages, scale.transfers):
            for ask in what(bank, 1)[:20]:
                body = msgspec.json.encode(ask.body) if ask.body else None
                headers = {"Content-Type": "application/json"}
                headers["Authorization"] = f"Bearer {ask.token}"
                wish = Request(server.url + ask.path, body, headers, method=ask.method)  # noqa: S310
                with urlopen(wish, timeout=10) as answer:  # noqa: S310
                    assert answer.status in {200, 201}
