"""Roles are compared in one module, and its allow-list is complete."""

import ast
import re
from pathlib import Path

import pytest

from accounts_bank.collections import permissions
from accounts_bank.collections.permissions import PERMISSIONS, Permission, may
from accounts_bank.identity import Role

PACKAGE = Path(permissions.__file__).parents[1]
TEMPLATES = PACKAGE / "web" / "templates"
TABLE = Path(permissions.__file__)

# Files that name a role without comparing one, and why.
NAMES_ROLES = {
    "api/sandbox_access.py": "a caller of an open sandbox is an admin",
    "api/schemas/sandbox.py": "a new user of a sandbox bank is a customer by default",
    "collections/users.py": "a user that signs up is a customer",
    "config.py": "a demo user in the settings is a customer by default",
    "identity.py": "defines the roles; a user is a customer by default",
    "sandbox/actors.py": "a teller freezes the account of an actor",
    "sandbox/demo.py": "gives the demo users their roles",
    "sandbox/people.py": "gives a sandbox bank its admin; its teller pays opening balances in",
    "seeding.py": "the owner of an account acts as a customer in a seed file",
    "user_commands.py": "offers the roles as choices; the operator of the machine acts as an admin",
}


def is_role(node: ast.AST) -> bool:
    """Return whether an expression is a role: `x.role`, `role` or `Role.TELLER`."""
    if isinstance(node, ast.Attribute):
        return node.attr == "role" or is_enum(node.value)
    return isinstance(node, ast.Name) and node.id == "role"


def is_enum(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "Role"


def comparisons(tree: ast.AST) -> list[int]:
    """Return the lines that compare a role, or choose by one."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.Match):
            sides = [node.subject]
        elif isinstance(node, ast.Subscript):
            sides = [node.slice]
        else:
            continue
        found += [node.lineno for side in sides if is_role(side)]
    return found


def names_roles(tree: ast.AST) -> bool:
    """Return whether code names a role or lists the roles."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_enum(node.value):
            return True
        if isinstance(node, ast.comprehension) and is_enum(node.iter):
            return True
        if (
            isinstance(node, ast.Call)
            and "set" in ast.dump(node.func)
            and any(map(is_enum, node.args))
        ):
            return True
    return False


def modules() -> dict[str, ast.AST]:
    paths = [path for path in PACKAGE.rglob("*.py") if path != TABLE]
    return {str(path.relative_to(PACKAGE)): ast.parse(path.read_text()) for path in paths}


def test_only_the_table_compares_roles():
    found = {name: comparisons(tree) for name, tree in modules().items()}
    assert not any(found.values()), found


def test_only_listed_modules_name_roles():
    assert {name for name, tree in modules().items() if names_roles(tree)} == NAMES_ROLES.keys()


@pytest.mark.parametrize(
    "code",
    [
        "caller.role is Role.TELLER",
        "caller.role == 'teller'",
        "user.role not in READERS",
        "role in {1}",
        "x == Role.ADMIN",
        "TABLE[caller.role]",
        "match caller.role:\n  case 1: pass",
    ],
)
def test_the_gate_finds_a_comparison(code):
    assert comparisons(ast.parse(code))


@pytest.mark.parametrize("code", ["frozenset(Role)", "A - {Role.AUDITOR}", "{r: 1 for r in Role}"])
def test_the_gate_finds_a_list_of_roles(code):
    assert names_roles(ast.parse(code))


def test_no_template_compares_a_role():
    for path in TEMPLATES.rglob("*.html"):
        assert not re.search(r"role\s*(==|!=|(not )?in\b)", path.read_text()), path


def test_templates_ask_for_permissions_that_exist():
    asked = {
        name
        for path in TEMPLATES.rglob("*.html")
        for name in re.findall(r"\bcan\.(\w+)", path.read_text())
    }
    assert asked
    assert asked <= {permission.value for permission in Permission}


def test_every_role_has_a_row():
    assert PERMISSIONS.keys() == set(Role)


def test_every_permission_is_granted_and_used():
    assert frozenset().union(*PERMISSIONS.values()) == set(Permission)
    code = "".join(path.read_text() for path in PACKAGE.rglob("*.py") if path != TABLE)
    assert {each for each in Permission if f"Permission.{each.name}" not in code} <= {
        Permission.CHANGE_ROLES,
        Permission.READ_USERS,
    }


def test_a_role_without_a_row_has_no_permission(monkeypatch):
    rows = {role: row for role, row in PERMISSIONS.items() if role is not Role.TELLER}
    monkeypatch.setattr(permissions, "PERMISSIONS", rows)
    assert not any(may(Role.TELLER, permission) for permission in Permission)
