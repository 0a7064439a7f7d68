"""/v1/accounts/{id}/statement over HTTP: JSON, CSV and permissions."""

import csv
import io

import msgspec
import pytest

from accounts_bank.api.statements import as_csv
from accounts_bank.api.statements.amounts import decimal_text
from accounts_bank.api.statements.views import StatementView
from accounts_bank.collections import statements
from accounts_bank.ledger.currencies import DECIMALS
from tests.helpers import AUDITOR, TELLER, code

CSV = {"Accept": "text/csv"}


@pytest.fixture
def ada(http):
    return http.joined("ada")


@pytest.fixture
def account(ada):
    opened, other = ada.opened(10_000), ada.opened()
    assert ada.transfer(opened, other, 2_500, reference="Rent").status_code == 201
    return opened


def path_of(account, query="") -> str:
    return f"/v1/accounts/{account['id']}/statement{query}"


def rows_of(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.data.decode(), newline="")))


def test_it_has_the_balances_the_period_and_the_lines_oldest_first(ada, account):
    answer = ada("GET", path_of(account))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Vary"] == "Accept"
    assert answer.headers["Cache-Control"] == "no-store"
    said = answer.json
    assert said["account"] == {name: account[name] for name in ("id", "number", "name", "currency")}
    assert said["period"]["from"] == account["created_at"]
    assert said["period"]["to"] == said["created_at"]
    assert (said["opening_balance_minor"], said["closing_balance_minor"]) == (0, 7_500)
    assert said["line_count"] == 2
    assert [each["amount_minor"] for each in said["lines"]] == [10_000, -2_500]
    lines = ada("GET", f"/v1/accounts/{account['id']}/lines").json["data"]
    assert said["lines"] == lines[::-1]


def test_a_period_ends_where_the_next_begins(ada, account):
    (first, second) = ada("GET", path_of(account)).json["lines"]
    cut = second["at"]
    before = ada("GET", path_of(account, f"?to={cut}")).json
    after = ada("GET", path_of(account, f"?from={cut}")).json
    assert (before["lines"], after["lines"]) == ([first], [second])
    assert before["closing_balance_minor"] == after["opening_balance_minor"] == 10_000
    assert before["period"]["to"] == after["period"]["from"] == cut


@pytest.mark.parametrize("accept", ["application/json", "text/csv", "application/xml"])
def test_many_lines_are_written_as_they_are_read(ada, account, monkeypatch, accept):
    at_once = ada("GET", path_of(account, "?to=2100-01-01"), headers={"Accept": accept})
    monkeypatch.setattr("accounts_bank.api.statements.PAGE_LINES", 1)
    monkeypatch.setattr(statements, "PAGE_LINES", 1)
    streamed = ada("GET", path_of(account, "?to=2100-01-01"), headers={"Accept": accept})
    assert "Content-Length" in at_once.headers
    assert "Content-Length" not in streamed.headers
    assert streamed.headers["X-Request-Id"]
    if accept == "application/json":
        said = [
            msgspec.json.decode(each.data, type=StatementView).lines for each in (at_once, streamed)
        ]
        assert said[0] == said[1]
    else:
        assert at_once.data[-500:] == streamed.data[-500:]


def test_an_empty_statement_is_whole_in_every_form(ada):
    account = ada.opened()
    said = ada("GET", path_of(account)).json
    assert (said["lines"], said["line_count"], said["closing_balance_minor"]) == ([], 0, 0)
    rows = rows_of(ada("GET", path_of(account), headers=CSV))
    assert [row["kind"] for row in rows] == ["opening_balance", "closing_balance"]
    xml = ada("GET", path_of(account), headers={"Accept": "application/xml"}).text
    assert "<NbOfNtries>0</NbOfNtries>" in xml


def test_as_csv_it_is_a_file_with_amounts_in_both_units(ada, account):
    answer = ada("GET", path_of(account, "?from=2020-01-01&to=2100-01-01"), headers=CSV)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    name = f"statement-{account['number']}-2020-01-01-2100-01-01.csv"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer.data.endswith(b"\r\n")
    opening, paid_in, paid, closing = rows_of(answer)
    assert tuple(opening) == as_csv.COLUMNS
    assert (opening["kind"], opening["balance"]) == ("opening_balance", "0.00")
    assert (paid_in["amount_minor"], paid_in["amount"]) == ("10000", "100.00")
    assert (paid["amount_minor"], paid["amount"]) == ("-2500", "-25.00")
    assert (paid["number"], paid["reference"], paid["balance"]) == ("2", "Rent", "75.00")
    assert (closing["kind"], closing["balance_minor"]) == ("closing_balance", "7500")


@pytest.mark.parametrize(
    ("reference", "cell"),
    [
        ("=cmd|'/c calc'!A0", "'=cmd|'/c calc'!A0"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ('Rent, "May"', 'Rent, "May"'),
        ("1=1", "1=1"),
    ],
)
def test_no_cell_of_text_runs_in_a_spreadsheet(ada, reference, cell):
    account, other = ada.opened(10), ada.opened()
    assert ada.transfer(account, other, 1, reference=reference).status_code == 201
    rows = rows_of(ada("GET", path_of(account), headers=CSV))
    assert rows[2]["reference"] == cell
    assert rows[2]["amount"] == "-0.01"


@pytest.mark.parametrize("start", ["\t", "\r"])
def test_a_control_character_that_got_in_does_not_run_either(start):
    assert as_csv._harmless(f"{start}=1") == f"'{start}=1"


@pytest.mark.parametrize(
    ("currency", "amount_minor", "text"),
    [
        ("EUR", 0, "0.00"),
        ("EUR", 5, "0.05"),
        ("EUR", -5, "-0.05"),
        ("EUR", -1234, "-12.34"),
        ("JPY", 1234, "1234"),
        ("JPY", 0, "0"),
        ("BHD", 1, "0.001"),
        ("CLF", -12345, "-1.2345"),
        ("EUR", 2**53 - 1, "90071992547409.91"),
    ],
)
def test_decimals_follow_the_currency(currency, amount_minor, text):
    assert decimal_text(amount_minor, currency) == text


def test_every_currency_can_be_written():
    assert {decimal_text(0, currency) for currency in DECIMALS} == {"0", "0.00", "0.000", "0.0000"}


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/*", "text/csv"),
        ("text/csv; charset=utf-8", "text/csv"),
        ("application/json;q=0.5, application/xml", "application/xml"),
        ("text/html, */*;q=0.1", "application/json"),
        ("Application/XML", "application/xml"),
        ("text/xml", "text/xml"),
    ],
)
def test_accept_chooses_the_form(ada, account, accept, media_type):
    headers = {} if accept is None else {"Accept": accept}
    answer = ada("GET", path_of(account), headers=headers)
    assert (answer.status_code, answer.mimetype) == (200, media_type)


@pytest.mark.parametrize(("extension", "accept"), [("csv", "text/csv"), ("xml", "application/xml")])
def test_a_form_has_a_path_of_its_own(ada, account, extension, accept):
    asked = ada("GET", path_of(account, "?to=2999-01-01"), headers={"Accept": accept})
    path = path_of(account, "?to=2999-01-01").replace("/statement", f"/statement.{extension}")
    found = ada("GET", path, headers={"Accept": "*/*"})
    assert (found.status_code, found.mimetype) == (200, accept)
    assert found.headers["Content-Disposition"].endswith(f'.{extension}"')
    if extension == "csv":  # the other one has the time at which it was made
        assert found.data == asked.data


@pytest.mark.parametrize("accept", ["text/html", "application/pdf", "application/json;q=0", "x"])
def test_another_form_is_406(ada, account, accept):
    answer = ada("GET", path_of(account), headers={"Accept": accept})
    assert code(answer) == (406, "not_acceptable")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("?from=yesterday", "/from"),
        ("?to=2026-13-01", "/to"),
        ("?from=2026-02-01&to=2026-01-01", "/to"),
        ("?limit=5", "/limit"),
    ],
)
def test_a_period_that_is_none_is_400(ada, account, query, pointer):
    answer = ada("GET", path_of(account, query))
    assert code(answer) == (400, "invalid_request")
    assert answer.json["errors"][0]["pointer"] == pointer


def test_a_statement_is_for_the_owner_and_for_readers_of_all_accounts(http, account):
    for name in (TELLER, AUDITOR):
        assert http.signed_in(name)("GET", path_of(account)).status_code == 200
    eve = http.joined("eve")
    for headers in ({}, CSV):
        assert code(eve("GET", path_of(account), headers=headers)) == (404, "not_found")


def test_a_look_at_the_head_alone_is_answered(ada, account):
    answer = ada("HEAD", path_of(account), headers=CSV)
    assert (answer.status_code, answer.data, answer.mimetype) == (200, b"", "text/csv")
