"""The page of docs/front-end.md runs in a browser, from another port."""

import re
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import expect

from tests.gates.test_root_names import ROOT


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_line: object) -> None:
        pass


@pytest.fixture
def page_url(town, tmp_path) -> Iterator[str]:
    """Serve the page of the document beside the demo; yield its URL."""
    document = (ROOT / "docs/front-end.md").read_text(encoding="utf-8")
    found = re.search(r"```html\n(.*?)```", document, re.DOTALL)
    assert found is not None
    text = found[1].replace("http://localhost:5000", town.base)
    Path(tmp_path, "index.html").write_text(text, encoding="utf-8")
    handler = partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


def test_a_page_of_another_port_reads_accounts(windows, page_url):
    page = windows._browser.new_page()  # a window of `windows` permits the bank's pages alone
    page.goto(page_url)
    page.get_by_role("button").click()
    expect(page.get_by_role("listitem").first).to_contain_text(re.compile("[A-Z]{2}[0-9]{2}"))
    page.close()
