"""Each decision has a date, a status and rejected alternatives, and stands in the list."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs/decisions"
PAGES = sorted(set(FOLDER.glob("*.md")) - {FOLDER / "README.md"})
HEAD = re.compile(
    r"# .+\n\nDate: \d{4}-\d\d-\d\d\. Status: (in force|replaced by \[.+\))\.\nRejected: \w"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_decision_begins_with_date_status_and_rejected_alternatives(page):
    assert HEAD.match(page.read_text(encoding="utf-8"))


def test_each_decision_stands_in_the_list():
    listed = re.findall(r"\]\((\w[\w-]*\.md)\)", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == [page.name for page in PAGES]
