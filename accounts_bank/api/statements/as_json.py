"""A statement as JSON, written as the lines are read."""

from collections.abc import Iterator

import msgspec

from accounts_bank.api.schemas.accounts import line_view
from accounts_bank.api.statements.views import Pages, statement_head
from accounts_bank.collections.statements import Statement


def written(statement: Statement, pages: Pages) -> Iterator[bytes]:
    """Write a statement as `StatementView` describes it: the head, then the lines."""
    yield msgspec.json.encode(statement_head(statement)).removesuffix(b"}") + b',"lines":['
    separator = b""
    for page in pages:
        yield separator + msgspec.json.encode([line_view(each) for each in page])[1:-1]
        separator = b","
    yield b"]}"
