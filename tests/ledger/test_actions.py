"""Actions: one module each, and `Action` is the union of all of them."""

from importlib import import_module
from pkgutil import iter_modules
from typing import get_args

import pytest
from msgspec import Struct

from accounts_bank.ledger import actions
from accounts_bank.ledger.actions import Action
from accounts_bank.ledger.touches import Touches

MODULES = [module.name for module in iter_modules(actions.__path__, f"{actions.__name__}.")]


def actions_in(module: str) -> list[type]:
    """Return the actions that a module defines: the structs with a tag."""
    defined = [each for each in vars(import_module(module)).values() if isinstance(each, type)]
    return [
        each
        for each in defined
        if each.__module__ == module and issubclass(each, Struct) and each.__struct_config__.tag
    ]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_defines_one_action_and_the_union_contains_it(module):
    (action,) = actions_in(module)
    assert action in get_args(Action), f"add {action.__name__} to `Action` in actions/__init__.py"


def test_the_union_contains_nothing_else():
    assert len(get_args(Action)) == len(MODULES)


def test_each_action_has_a_kind_of_its_own():
    kinds = {action.__struct_config__.tag for action in get_args(Action)}
    assert len(kinds) == len(get_args(Action))


@pytest.mark.parametrize("action", get_args(Action))
def test_an_action_touches_fields_that_it_has(action):
    assert isinstance(action.touches, Touches)
    touched = {
        *action.touches.accounts,
        *action.touches.customers,
        *action.touches.earlier_entries,
    }
    assert touched <= {*action.__struct_fields__, "budget_id"}
    assert all(hasattr(action, each) for each in touched)
