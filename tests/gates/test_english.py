"""The pronouns of riddles stay out of docstrings and test names; CONTRIBUTING.md has the rules."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("accounts_bank", "bench", "tests")

RIDDLES = "who|whoever|whose|whom|what|whatever|nobody|those"
WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
PRONOUN = re.compile(rf"(?:{RIDDLES})\b", re.IGNORECASE)
RIDDLE = re.compile(rf"test_(?:\w*_)?(?:{RIDDLES})(?:_|$)")

# These bounds only ever go down.
DOCSTRINGS_MAX = 0
TEST_NAMES_MAX = 0
PRONOUNS_PER_100_WORDS_MAX = 0.3


class Named(NamedTuple):
    place: str
    name: str
    docstring: str


def named(file: Path) -> list[Named]:
    """Return the module, the classes and the functions of a file."""
    return [
        Named(
            f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}",
            getattr(node, "name", ""),
            ast.get_docstring(node) or "",
        )
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]


@pytest.fixture(scope="module")
def everything() -> list[Named]:
    files = [file for folder in FOLDERS for file in sorted(ROOT.glob(f"{folder}/**/*.py"))]
    return [each for file in files for each in named(file)]


def test_docstrings_begin_with_the_subject_of_the_field(everything):
    found = [each.place for each in everything if PRONOUN.match(each.docstring)]
    assert len(found) <= DOCSTRINGS_MAX, "\n".join(found)


def test_test_names_state_behaviour(everything):
    found = [f"{each.place} {each.name}" for each in everything if RIDDLE.match(each.name)]
    assert len(found) <= TEST_NAMES_MAX, "\n".join(found)


def test_docstrings_have_few_pronouns_of_riddles(everything):
    words = [word for each in everything for word in WORD.findall(each.docstring)]
    pronouns = [word for word in words if PRONOUN.fullmatch(word)]
    assert len(pronouns) * 100 / len(words) <= PRONOUNS_PER_100_WORDS_MAX


@pytest.mark.parametrize(
    "name", ["test_who_waits", "test_a_call_that_nobody_makes_ends", "test_what"]
)
def test_a_riddle_is_seen(name):
    assert RIDDLE.match(name)


@pytest.mark.parametrize("name", ["test_whole_amounts", "test_a_teller_pays", "whose_turn"])
def test_a_plain_name_is_none(name):
    assert not RIDDLE.match(name)
