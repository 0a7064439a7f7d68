"""The pages of a bank under its prefix: each link, redirect and cookie stays in the bank."""

import re

import pytest

from tests.helpers import PASSWORD


@pytest.fixture
def visitor(app):
    return app.test_client()


@pytest.fixture
def signed_in(visitor, bank):
    fields = {"username": "vera", "password": PASSWORD, "full_name": "Vera"}
    answer = visitor.post(f"{bank.path}/sign-up", data=fields)
    assert answer.status_code == 303, answer.text
    return visitor


def addresses(html: str) -> list[str]:
    return re.findall(r'\b(?:href|action|src)="(/[^"]*)"', html)


@pytest.mark.parametrize(
    "page", ["/sign-in", "/sign-up", "/docs", "/docs/errors", "/overview", "/transfers", "/profile"]
)
def test_each_address_on_a_page_leads_to_the_same_bank(signed_in, bank, page):
    answer = signed_in.get(bank.path + page, follow_redirects=True)
    assert answer.status_code == 200
    found = addresses(answer.text)
    assert found
    assert [each for each in found if not each.startswith(f"{bank.path}/")] == []
    static = [signed_in.get(each, buffered=True) for each in found if "/static/" in each]
    assert {each.status_code for each in static} <= {200}


def test_the_pages_of_the_first_bank_have_no_prefix(visitor):
    found = addresses(visitor.get("/sign-in").text)
    assert found
    assert not any(each.startswith("/banks/") for each in found)


def test_a_visitor_is_sent_to_the_entrance_of_the_bank_and_back(visitor, bank):
    answer = visitor.get(f"{bank.path}/transfers")
    assert answer.headers["Location"].startswith(f"{bank.path}/sign-in?next=%2Ftransfers")
    assert visitor.get(bank.path).headers["Location"] == f"{bank.path}/overview"


def test_a_cookie_belongs_to_one_bank(signed_in, bank, make):
    cookies = [
        signed_in.get_cookie(f"{kind}_token_cookie", path=bank.path)
        for kind in ("access", "refresh")
    ]
    assert [each.path for each in cookies] == [bank.path] * 2
    assert signed_in.get(f"{bank.path}/overview").status_code == 200
    for other in (make(seed=8).path, ""):
        answer = signed_in.get(f"{other}/overview")
        assert answer.headers["Location"].startswith(f"{other}/sign-in")


def test_a_stolen_cookie_opens_no_other_bank(signed_in, bank, make):
    other = make(seed=7)
    for kind in ("access", "refresh"):
        name = f"{kind}_token_cookie"
        value = signed_in.get_cookie(name, path=bank.path).value
        signed_in.set_cookie(name, value, path=other.path)
    answer = signed_in.get(f"{other.path}/overview")
    assert answer.headers["Location"].startswith(f"{other.path}/sign-in")


def test_a_form_is_sent_within_the_bank(signed_in, bank):
    opening = signed_in.get(f"{bank.path}/accounts/new", follow_redirects=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', opening.text)[1]
    key = re.search(r'name="key" value="([^"]+)"', opening.text)[1]
    fields = {"csrf_token": token, "key": key, "name": "Main", "currency": "EUR"}
    answer = signed_in.post(f"{bank.path}/accounts/new", data=fields)
    assert answer.headers["Location"].startswith(f"{bank.path}/accounts/")
    assert signed_in.get(answer.headers["Location"]).status_code == 200


def test_the_contract_names_the_bank_as_its_server(visitor, bank):
    assert visitor.get(f"{bank.path}/openapi.json").json["servers"] == [{"url": bank.path}]
    assert visitor.get("/openapi.json").json["servers"] == [{"url": "/"}]


def test_a_page_of_a_list_links_to_the_next_one_in_the_bank(bank):
    bank.people["ada"].opened()
    link = bank.people["ada"]("GET", "/v1/accounts?limit=1").headers["Link"]
    assert f"{bank.path}/v1/accounts?" in link


def test_a_problem_points_to_the_catalogue_of_the_bank(bank):
    assert bank.admin("GET", "/v1/unknown").json["type"].startswith(f"{bank.path}/docs/errors#")
