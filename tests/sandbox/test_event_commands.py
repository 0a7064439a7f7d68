"""`accounts events`: prints, follows and checks the events of a running bank."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import msgspec
import pytest
from click import ClickException
from click.testing import CliRunner

from accounts_bank import event_commands
from accounts_bank.cli import main
from accounts_bank.event_commands import Check, Event
from accounts_bank.running_bank import NoAnswer
from accounts_bank.testing import Bank, LocalServer


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with closing(LocalServer()) as made:
        yield made


@pytest.fixture
def bank(server: LocalServer) -> Iterator[Bank]:
    with Bank(server=server, seed=1, now="2026-01-31T00:00:00Z") as made:
        yield made


@pytest.fixture
def ada(bank):
    """Make a customer that sent two payments to another one."""
    ada, ben = bank.customer("ada", balance_minor=500), bank.customer("ben")
    for amount_minor in (7, 8):
        ada.post("/v1/transfers", ada.payment_to(ben, amount_minor))
    return ada


@pytest.fixture
def accounts(bank: Bank, ada) -> Callable[..., Any]:
    """Run `accounts events` for Ada; return its exit code, and its lines or its complaint."""

    def run(*arguments: str, token: str = "") -> tuple[int, Any]:
        env = {"BANK_URL": bank.url, "BANK_TOKEN": token or ada.token}
        result = CliRunner().invoke(main, ["events", *arguments], env=env)
        return result.exit_code, result.stdout.splitlines() or result.stderr

    return run


def test_events_are_printed_for_people_and_as_json(accounts):
    code, lines = accounts()
    assert code == 0
    assert [line.split()[2] for line in lines] == [
        "account.opened",
        "deposit.recorded",
        "transfer.sent",
        "transfer.sent",
    ]
    _, as_json = accounts("--json", "--type", "transfer.sent")
    assert [msgspec.json.decode(line)["data"]["amount_minor"] for line in as_json] == [7, 8]
    last = msgspec.json.decode(as_json[0])["number"]
    assert len(accounts("--after", str(last))[1]) == 1


def test_a_check_counts_the_events_of_all_pages(accounts, monkeypatch):
    monkeypatch.setattr(event_commands, "LIMIT", 1)
    code, (said,) = accounts("--check")
    assert code == 0
    assert said.startswith("4 events up to number ")
    assert "lines of 1 accounts" in said


def test_a_refusal_is_a_sentence(accounts):
    assert accounts(token="nonsense")[0] == 1
    assert "has no /v1/events" in accounts("--account", "nothing")[1]
    assert "without --type" in accounts("--check", "--type", "transfer.sent")[1]


def test_a_reader_that_follows_outlives_a_bank_that_is_away(accounts, monkeypatch):
    pages = iter([NoAnswer("The bank is away."), 20, 20])
    page = event_commands.Reader._page

    def failing(reader, wait_s):
        now = next(pages, None)
        if now is None:
            raise KeyboardInterrupt
        if isinstance(now, Exception):
            raise now
        assert wait_s == 20
        return page(reader, 0)

    monkeypatch.setattr(event_commands, "PAUSE_S", 0)
    monkeypatch.setattr(event_commands.Reader, "_page", failing)
    code, (said,) = accounts("--follow", "--check")
    assert (code, said.split()[0]) == (0, "4")


def event(number: int, line: int | None = None, **more: Any) -> Event:
    return Event(id=more.pop("id", f"{number}"), number=number, type="t", at="", line=line, **more)


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ([event(2), event(1)], "Number 1 comes after 2."),
        ([event(2), event(2)], "Event 2 comes twice."),
        ([event(1, 1, account_id="a"), event(2, 3, account_id="a")], "line 3 comes where 2"),
        ([event(1, 2, account_id="a")], "line 2 comes where 1"),
    ],
)
def test_a_check_finds_each_fault(events, fault):
    check = Check(from_start=True)
    for each in events[:-1]:
        check.see(each)
    with pytest.raises(ClickException, match=fault):
        check.see(events[-1])


def test_a_check_from_the_middle_takes_the_first_line_as_it_is():
    check = Check(from_start=False)
    for each in (event(5, 7, account_id="a"), event(5, 2, id="x", account_id="b"), event(9)):
        check.see(each)
    assert check.count == 3
