"""Generated tables and pictures in docs/ match the code; `make docs` writes them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench import layers

ROOT = Path(__file__).parents[2]
STALE = "out of date: run `make docs`"
PAGES = sorted(page for page in ROOT.glob("docs/**/*.md") if "[[[cog" in page.read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_generated_table_is_up_to_date(page):
    command = [sys.executable, "-m", "cogapp", "--check", "-P", "-I", "docs", str(page)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{STALE}\n{done.stdout}{done.stderr}"


def test_make_writes_each_page_with_a_generated_table():
    (generated,) = re.findall(r"^GENERATED = (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert generated.split() == [str(page.relative_to(ROOT)) for page in PAGES]


def test_the_picture_of_the_layers_is_up_to_date():
    edges = layers.imports()
    picture = layers.svg(edges, layers.places(edges))
    assert (ROOT / "docs/layers.svg").read_text(encoding="utf-8") == picture, STALE


def test_a_row_of_the_picture_imports_only_rows_below():
    edges = layers.imports()
    places = layers.places(edges)
    assert all(places[name] < places[other] for name in edges for other in edges[name])
