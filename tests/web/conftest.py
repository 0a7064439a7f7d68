import pytest

from tests.web.visitor import Visitor


@pytest.fixture
def ada(app) -> Visitor:
    return Visitor(app).joined("ada", "Ada Lovelace")


@pytest.fixture
def bob(app) -> Visitor:
    return Visitor(app).joined("bob")
