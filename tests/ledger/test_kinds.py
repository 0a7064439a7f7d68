"""Tables by kind: the tests here name each table in which a new action has no row."""

from typing import get_args

import pytest

from accounts_bank.api.statements import as_camt
from accounts_bank.ledger.actions import Action
from accounts_bank.ledger.entries import KINDS
from accounts_bank.web import line_rows
from tests.ledger.every_action import bank_with_every_action
from tests.stores import test_against_model
from tests.stores.model import Model

ALL = set(KINDS.values())
_, MOVES = bank_with_every_action()
POSTING = {kind for kind, moves in MOVES.items() if moves}


def test_every_action_is_recorded_once_in_the_tests():
    assert MOVES.keys() == ALL


def test_the_books_are_right_after_every_action():
    bank, _ = bank_with_every_action()
    assert bank.proven().entries >= len(ALL)


@pytest.mark.parametrize("kind", sorted(ALL))
def test_the_plain_model_of_the_stores_knows_every_kind(kind):
    assert callable(getattr(Model, kind, None)), f"add {kind} to tests/stores/model.py"


@pytest.mark.parametrize("action", get_args(Action))
def test_the_comparison_with_the_model_makes_every_action(action):
    named = vars(test_against_model).get(action.__name__)
    assert named is action, f"add {action.__name__} to tests/stores/test_against_model.py"


@pytest.mark.parametrize("table", ["_TITLES", "_PAGES"])
def test_a_page_has_a_title_and_a_link_for_each_kind_that_moves_money(table):
    assert getattr(line_rows, table).keys() == POSTING


def test_camt_has_a_family_for_each_kind_that_moves_money():
    assert {kind for kind, _ in as_camt._FAMILIES} == POSTING
