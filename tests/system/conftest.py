"""Fixtures of the tests of whole banks."""

import pytest


@pytest.fixture(params=["sqlite", "postgres", "mongo"])
def url(request: pytest.FixtureRequest) -> str:
    """Name an empty database."""
    if request.param == "sqlite":
        return "sqlite:///bank.db"
    if request.param == "mongo":
        return str(request.getfixturevalue("mongo").emptied("crashes"))
    return str(request.getfixturevalue("postgres").database("crashes"))
