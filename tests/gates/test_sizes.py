"""Small functions in small files, as the house style asks."""

import ast
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted([ROOT / "app.py", *ROOT.glob("accounts_bank/**/*.py"), *ROOT.glob("bench/**/*.py")])

# These bounds only ever go down.
FILE_LINES_MAX = 371
FUNCTION_LINES_MAX = 40
FUNCTION_LINES_MEDIAN_MAX = 7


def functions(file: Path) -> dict[str, int]:
    """Give the lines of each function of a file, from `def` to its end, by where it stands."""
    return {
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    }


@pytest.fixture(scope="module")
def sizes() -> dict[str, int]:
    found = {name: lines for file in FILES for name, lines in functions(file).items()}
    assert found
    return found


def test_no_file_is_long():
    sizes = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in FILES}
    assert {name: lines for name, lines in sizes.items() if lines > FILE_LINES_MAX} == {}


def test_no_function_is_long(sizes):
    assert {name: lines for name, lines in sizes.items() if lines > FUNCTION_LINES_MAX} == {}


def test_most_functions_are_small(sizes):
    assert median(sizes.values()) <= FUNCTION_LINES_MEDIAN_MAX
