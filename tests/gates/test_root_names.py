"""Nothing at the root may hide a module of Python's own, which would die inside itself."""

import sys
from importlib.machinery import all_suffixes
from pathlib import Path

ROOT = Path(__file__).parents[2]


def importable(path: Path) -> bool:
    return path.is_dir() or any(path.name.endswith(suffix) for suffix in all_suffixes())


def test_no_name_at_the_root_hides_the_standard_library():
    names = {path.name.partition(".")[0] for path in ROOT.iterdir() if importable(path)}
    assert "app" in names
    assert not names & sys.stdlib_module_names
