"""Only `durable_files` creates the files of a bank, so that each survives a power cut."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOME = ROOT / "accounts_bank/durable_files.py"
FILES = sorted(set(ROOT.glob("accounts_bank/**/*.py")) - {HOME})

CREATING = {"write_text", "write_bytes", "touch", "mkdir", "makedirs", "rename", "renames"}
CREATING |= {"O_CREAT", "symlink_to", "hardlink_to", "copyfile", "copy2", "copytree", "mkstemp"}
FOREIGN = {"RotatingFileHandler", "TemporaryDirectory", "mmap"}
"""Names with effects that the bank can lose, or that change no name; see PLACES."""
MODES = set("rwxabt+")
PLACES = {
    ("export.py", "open w"),  # a member of the ZIP that is sent
    ("counter_files.py", "O_CREAT"),  # counters, in memory
    ("logging_config.py", "open wb"),  # the console
    ("logging_config.py", "open"),  # the application log
    ("logging_config.py", "RotatingFileHandler"),  # the application log may lose its last lines
    ("serve.py", "TemporaryDirectory"),  # counters, in memory
    ("opening.py", "rename"),  # the log of a bank in memory that has ended, which may be lost
    ("sandbox_commands.py", "open wb"),  # a downloaded snapshot, no file of a bank
    ("room.py", "mmap"),  # memory without a file
    ("log.py", "mmap"),  # the head of the audit log, made by `open_kept`
}


def creations(tree: ast.AST) -> Iterator[str]:
    """Yield the names in a module that create, rename or map a file."""
    for node in ast.walk(tree):
        name = getattr(node, "attr", None) or getattr(node, "id", None)
        if name in CREATING | FOREIGN:
            yield str(name)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"open", "fdopen"}:
            given = [each.value for each in node.args if isinstance(each, ast.Constant)]
            modes = [each for each in given if isinstance(each, str)]
            yield from (
                f"open {mode}" for mode in modes if set("wax") & {*mode} and {*mode} <= MODES
            )
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "open":
            yield "open"


def test_no_other_module_creates_files():
    found = {(file.name, name) for file in FILES for name in creations(ast.parse(file.read_text()))}
    assert found == PLACES


@pytest.mark.parametrize(
    "code",
    [
        'Path("x").write_text("")',
        'os.open("x", os.O_CREAT)',
        'open("x", "w")',
        'Path("x").open("ab")',
        'path.rename("y")',
    ],
)
def test_the_gate_finds_a_creation(code):
    assert list(creations(ast.parse(code)))
