from typing import Any

import pytest
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache

from tests.web.visitor import Visitor


class Compiled(BytecodeCache):
    """Share compiled templates between the apps of all tests; it halves the time of a test."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


def with_templates(app: Flask) -> Flask:
    app.jinja_env.bytecode_cache = COMPILED
    return app


@pytest.fixture
def app(app: Any) -> Flask:
    return with_templates(app)


@pytest.fixture
def ada(app) -> Visitor:
    return Visitor(app).joined("ada", "Ada Lovelace")


@pytest.fixture
def bob(app) -> Visitor:
    return Visitor(app).joined("bob")
