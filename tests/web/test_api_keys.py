"""The pages of keys for programs."""

import re

from tests.helpers import Http

SCOPES = ["accounts:read", "payments:write"]


def filled(page, **fields) -> dict:
    """Return the values of the form that makes a key, as a browser sends them."""
    form = page.form("Make")
    kept = {name: form.fields[name] for name in ("csrf_token", "key")}
    return {**kept, "name": "Shop", "scope": SCOPES, "expires_at": "", **fields}


def test_a_key_is_made_with_its_scopes_and_its_secret_shown_once(app, ada):
    page = ada.get("/profile/keys/new")
    sent = filled(page)
    made = ada.client.post("/profile/keys/new", data=sent)
    assert made.status_code == 200
    assert made.headers["Cache-Control"] == "no-store"
    (secret,) = re.findall(r"acc_[A-Za-z0-9_-]{43}", made.text)
    shop = Http(app, secret)
    assert shop("GET", "/v1/accounts").status_code == 200
    assert shop("GET", "/v1/transfers").json["scope"] == "payments:read"
    listed = ada.get("/profile/keys")
    assert "Shop" in listed.text
    assert secret not in listed.html
    again = ada.client.post("/profile/keys/new", data=sent)
    assert again.headers["Location"] == "/profile/keys?done=twice"
    assert len(app.extensions["accounts"].users.find("ada")[0].api_keys) == 1


def test_a_key_is_ended_on_its_page(app, ada):
    ada.client.post("/profile/keys/new", data=filled(ada.get("/profile/keys/new")))
    form = ada.get("/profile/keys").form("End the key Shop")
    ended = ada.client.post("/profile/keys", data=form.fields)
    assert ended.headers["Location"] == "/profile/keys?done=ended"
    assert app.extensions["accounts"].users.find("ada")[0].api_keys == ()


def test_a_form_that_is_wrong_makes_no_key_and_keeps_its_values(app, ada):
    for fields, said in (
        ({"scope": []}, "Tick what the key may do."),
        ({"name": " "}, "A name has 1 to 100 characters"),
        ({"expires_at": "2020-01-01"}, "Choose a day in the future."),
        ({"expires_at": "soon"}, "Choose a day in the future."),
    ):
        sent = filled(ada.get("/profile/keys/new"), **fields)
        refused = ada.client.post("/profile/keys/new", data=sent)
        assert refused.status_code == 422
        assert said in refused.text
        assert refused.text.count(" checked") == len(sent["scope"])
    assert app.extensions["accounts"].users.find("ada")[0].api_keys == ()
