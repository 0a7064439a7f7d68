"""What the tests of whole banks may ask for."""

import pytest

from tests.system.payments import empty_database


@pytest.fixture(params=["sqlite", "postgres", "mongo"])
def url(request: pytest.FixtureRequest) -> str:
    """Name an empty database."""
    if request.param == "sqlite":
        return "sqlite:///bank.db"
    if request.param == "mongo":
        return str(request.getfixturevalue("mongo").emptied("crashes"))
    return empty_database(request.getfixturevalue("postgres"), "crashes")
