"""Sessions of the pages: idle ones end, secrets rotate, and devices are listed and signed out."""

from datetime import timedelta

import pytest

from tests.helpers import PASSWORD
from tests.web.visitor import Visitor


@pytest.fixture
def later(app, monkeypatch):
    """Move the time by which sessions end."""
    users = app.extensions["accounts"].users
    now, moved = users._session_clock, [timedelta()]
    monkeypatch.setattr(users, "_session_clock", lambda: now() + moved[0])

    def advance(**step: float) -> None:
        moved[0] += timedelta(**step)

    return advance


def jar(visitor: Visitor) -> dict[str, str]:
    return {
        each.key: each.value
        for each in visitor.client._cookies.values()
        if each.key != "accounts_device"
    }


def put(visitor: Visitor, cookies: dict[str, str]) -> None:
    for name, value in cookies.items():
        visitor.client.set_cookie(name, value)


def is_signed_in(visitor: Visitor) -> bool:
    return visitor.get("/overview").path == "/overview"


def test_a_session_ends_after_30_minutes_without_use(ada, later):
    for _ in range(5):
        later(minutes=29)
        assert is_signed_in(ada)
    later(minutes=30)
    assert not is_signed_in(ada)


def test_a_session_gets_a_new_secret_after_a_minute_and_no_earlier(ada, later):
    first = jar(ada)
    assert is_signed_in(ada)
    assert jar(ada) == first
    later(minutes=1)
    assert is_signed_in(ada)
    assert jar(ada).keys() == first.keys()
    assert not set(jar(ada).values()) & set(first.values())


def test_a_lost_answer_and_a_second_request_keep_the_session(ada, later):
    first = jar(ada)
    later(minutes=1)
    assert is_signed_in(ada)
    for _ in range(2):  # the browser has not seen the new secret
        put(ada, first)
        assert is_signed_in(ada)
    later(minutes=2)
    put(ada, first)
    assert is_signed_in(ada)
    assert is_signed_in(ada)


def test_an_older_secret_ends_the_session_for_a_thief_and_the_owner(app, ada, later):
    stolen = jar(ada)
    for _ in range(2):
        later(minutes=1)
        assert is_signed_in(ada)
    thief = Visitor(app)
    put(thief, stolen)
    assert not is_signed_in(thief)
    assert not is_signed_in(ada)


def test_devices_are_listed_and_signed_out(app, ada):
    phone = Visitor(app)
    phone.headers["User-Agent"] = "Phone/1.0\x07"
    phone.signed_in("ada")
    page = ada.get("/profile/sessions")
    assert "(this device)" in page.text
    assert "Phone/1.0" in page.text
    assert "127.0.0.1" in page.text
    assert "That device is signed out" in ada.fill("Sign out the device 1").text
    assert not is_signed_in(phone)
    assert is_signed_in(ada)


def test_a_sign_in_too_many_tells_that_it_ended_a_session(app, ada):
    users = app.extensions["accounts"].users
    for _ in range(49):
        users.login("ada", PASSWORD)
    more = Visitor(app)
    more.get("/sign-in")
    page = more.fill("Sign in", username="ada", password=PASSWORD)
    assert "ended the session that was used longest ago" in page.text
    assert not is_signed_in(ada)
