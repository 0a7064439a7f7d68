"""`make picture`: a picture of the overview page of the demo for the README."""

import sys
from os import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from accounts_bank.sandbox import demo
from tests.helpers import cheap
from tests.programs import browser
from tests.web.browser.conftest import served
from tests.web.browser.hand import sign_in

WIDTH, HEIGHT = 1100, 780


def take(path: Path) -> None:
    """Start the demo, open the overview of its first user and save a picture."""
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        chdir(folder)
        site = served(cheap(), Path(folder), DEMO=True)
        started = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        page = started.new_page(
            base_url=site.base, viewport={"width": WIDTH, "height": HEIGHT}, locale="en-GB"
        )
        sign_in(page, demo.PEOPLE[0].username)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=path)
        started.close()
        site.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]).resolve())
