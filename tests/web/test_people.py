"""Pages of profiles and of customers."""

import pytest

from tests.helpers import AUDITOR, PASSWORD, TELLER
from tests.web.visitor import Visitor


def test_a_full_name_is_changed_and_removed(ada):
    ada.get("/profile")
    assert "Saved." in ada.fill("Save", full_name="Countess Lovelace").text
    assert "Hello, Countess Lovelace" in ada.get("/overview").text
    ada.get("/profile")
    ada.fill("Save", full_name="")
    assert "Hello" not in ada.get("/overview").text
    ada.get("/profile")
    assert list(ada.fill("Save", full_name="x" * 201).errors) == ["full_name"]


def test_a_changed_password_ends_the_other_sessions_and_not_this_one(app, ada):
    other = Visitor(app).signed_in("ada")
    ada.get("/profile/password")
    fields = {"current_password": PASSWORD, "new_password": "battery staple"}
    assert "Your password is changed" in ada.fill("Change the password", **fields).text
    assert other.get("/overview").path.startswith("/sign-in")
    ada.get("/profile/password")
    page = ada.fill("Change the password", **fields)
    assert "type the new one" in page.errors["current_password"]


def test_too_many_wrong_passwords_are_limited(ada):
    ada.get("/profile/password")
    fields = {"current_password": "wrong", "new_password": "battery staple"}
    for _ in range(10):
        assert ada.fill("Change the password", **fields).errors
    assert "Too many requests" in ada.fill("Change the password", **fields).text


def test_a_user_with_an_open_account_sees_why_deletion_fails(app, ada):
    ada.opened()
    ada.get("/profile/delete")
    assert (
        "Close all your accounts first"
        in ada.fill("Delete my user", current_password=PASSWORD).text
    )


def test_a_deletion_needs_the_present_password(ada):
    ada.get("/profile/delete")
    assert ada.fill("Delete my user", current_password="a wrong one").errors
    assert ada.fill("Delete my user").errors
    assert ada.get("/overview").path == "/overview"


def test_a_deletion_sent_twice_has_the_same_answer(app, ada):
    ada.get("/profile/delete")
    leaving = ada.page
    kept = {each.key: each.value for each in ada.client._cookies.values()}
    assert "Your user is deleted" in ada.fill("Delete my user", current_password=PASSWORD).text
    for name, value in kept.items():
        ada.client.set_cookie(name, value)
    ada.page = leaving
    assert "Your user is deleted" in ada.fill("Delete my user", current_password=PASSWORD).text


@pytest.mark.parametrize("name", [TELLER, AUDITOR])
def test_the_staff_finds_a_customer_by_name_and_an_account_by_number(app, ada, name):
    account = ada.opened("Household", balance="5")
    number = ada.number_of(account)
    staff = Visitor(app).signed_in(name)
    staff.get("/customers")
    page = staff.fill("Find", name=" ADA ")
    assert "Ada Lovelace" in page.text
    assert page.links["Household"] == account
    staff.get("/customers")
    page = staff.fill("Find", name=number)
    assert page.path == account
    assert staff.get(page.links["the owner"]).path.startswith("/customers/")


@pytest.mark.parametrize("name", ["nobody", "GB82 WEST 1234 5698 7654 32", "a\0b"])
def test_an_unknown_customer_is_an_error_of_the_field(app, name):
    staff = Visitor(app).signed_in(TELLER)
    staff.get("/customers")
    page = staff.fill("Find", name=name)
    assert page.status == 404 if "\0" in name else list(page.errors) == ["name"]


@pytest.mark.parametrize("path", ["bank", "nobody", "01a2121c-0001-7000-8000-000000000000"])
def test_the_page_of_an_unknown_user_is_not_found(app, path):
    assert Visitor(app).signed_in(TELLER).get(f"/customers/{path}").status == 404
