"""Two editors at once: neither overwrites an unseen change."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from accounts_bank.errors import ApiError
from accounts_bank.identity import Role
from accounts_bank.stores.memory import InMemoryUserStore
from tests.helpers import AUDITOR, PASSWORD, Teller, code

EDITORS = 8


@pytest.fixture
def ada(http):
    return http.joined("ada")


@pytest.fixture(params=["user", "account"])
def thing(request, ada) -> tuple[str, str]:
    """Give the path of something that can be edited, and the field that is edited."""
    if request.param == "user":
        return "/v1/users/me", "full_name"
    return f"/v1/accounts/{ada.opened(5)['id']}", "name"


def if_match(tag: str) -> dict:
    return {"headers": {"If-Match": tag}}


def test_an_editable_resource_has_a_strong_tag(ada, thing):
    path, field = thing
    tag = ada("GET", path).headers["ETag"]
    assert tag.startswith('"')
    assert tag.endswith('"')
    assert ada("GET", path).headers["ETag"] == tag
    edited = ada("PATCH", path, {field: "New"})
    assert edited.headers["ETag"] == ada("GET", path).headers["ETag"] != tag


def test_an_edit_with_the_current_tag_is_made(ada, thing):
    path, field = thing
    for name in ("One", "Two"):
        answer = ada("PATCH", path, {field: name}, **if_match(ada("GET", path).headers["ETag"]))
        assert (answer.status_code, answer.json[field]) == (200, name)


def test_an_edit_with_an_old_tag_is_412_and_changes_nothing(ada, thing):
    path, field = thing
    tag = ada("GET", path).headers["ETag"]
    assert ada("PATCH", path, {field: "First"}, **if_match(tag)).status_code == 200
    now = ada("GET", path)
    assert code(ada("PATCH", path, {field: "Second"}, **if_match(tag))) == (
        412,
        "precondition_failed",
    )
    assert (ada("GET", path).json, ada("GET", path).headers["ETag"]) == (
        now.json,
        now.headers["ETag"],
    )


def test_without_if_match_the_last_editor_wins(ada, thing):
    path, field = thing
    for name in ("First", "Second"):
        assert ada("PATCH", path, {field: name}).json[field] == name


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("{}", 200),
        ('"other", {}', 200),
        ('"other",{} ,', 200),
        ("*", 200),
        ("W/{}", 412),
        ('"other"', 412),
        ('""', 412),
        ("", 412),
        ("nonsense", 412),
        ('"', 412),
    ],
)
def test_if_match_may_be_written_in_many_ways(ada, thing, written, status):
    path, field = thing
    tag = ada("GET", path).headers["ETag"]
    answer = ada("PATCH", path, {field: "New"}, **if_match(written.format(tag)))
    assert answer.status_code == status


@pytest.mark.parametrize("written", ["{}", "W/{}", '"other", {}', "*"])
def test_an_unchanged_resource_is_304_without_a_body(ada, thing, written):
    path, _ = thing
    tag = ada("GET", path).headers["ETag"]
    answer = ada("GET", path, headers={"If-None-Match": written.format(tag)})
    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == tag
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize("written", ['"other"', '""', "", "nonsense"])
def test_an_unknown_tag_is_200(ada, thing, written):
    path, _ = thing
    assert ada("GET", path, headers={"If-None-Match": written}).status_code == 200


def test_money_that_moves_is_seen_and_refuses_no_new_name(ada):
    account = ada.opened(5)
    path = f"/v1/accounts/{account['id']}"
    tag = ada("GET", path).headers["ETag"]
    body = {"account": account["id"], "amount_minor": 1, "currency": "EUR"}
    assert ada("POST", "/v1/deposits", body).status_code == 201
    seen = ada("GET", path, headers={"If-None-Match": tag})
    assert (seen.status_code, seen.json["balance_minor"]) == (200, 6)
    assert ada("PATCH", path, {"name": "New"}, **if_match(tag)).status_code == 200


def test_closing_an_account_changes_its_tag(ada):
    account = ada.opened()
    path = f"/v1/accounts/{account['id']}"
    tag = ada("GET", path).headers["ETag"]
    assert ada("DELETE", path).status_code == 204
    assert code(ada("PATCH", path, {"name": "New"}, **if_match(tag)))[0] == 412
    assert code(ada("PATCH", path, {"name": "New"})) == (422, "account_closed")


def test_a_new_role_changes_a_users_tag(app, http, ada):
    users = app.extensions["accounts"].users
    users.add("root", users._passwords.hash(PASSWORD), role=Role.ADMIN)
    me = ada("GET", "/v1/users/me")
    root = http.signed_in("root")
    assert root("PUT", f"/v1/users/{me.json['id']}/role", {"role": "teller"}).status_code == 200
    answer = ada("PATCH", "/v1/users/me", {"full_name": "Ada"}, **if_match(me.headers["ETag"]))
    assert code(answer) == (412, "precondition_failed")


def test_a_new_session_does_not_change_a_users_tag(http, ada):
    tag = ada("GET", "/v1/users/me").headers["ETag"]
    assert http.signed_in("ada")("GET", "/v1/users/me").headers["ETag"] == tag


def test_an_account_of_another_user_is_404_with_any_tag(http, ada):
    path = f"/v1/accounts/{ada.opened()['id']}"
    eve = http.joined("eve")
    for tag in (ada("GET", path).headers["ETag"], '"other"', "*"):
        answer = eve("PATCH", path, {"name": "New"}, **if_match(tag))
        assert code(answer) == (404, "not_found")
    reader = http.signed_in(AUDITOR)
    assert reader("GET", path).headers["ETag"] == ada("GET", path).headers["ETag"]


def test_of_many_editors_with_one_tag_exactly_one_wins(ada, thing):
    path, field = thing
    tag = ada("GET", path).headers["ETag"]
    start = Barrier(EDITORS)

    def edit(number: int) -> tuple[int, str]:
        start.wait()
        answer = ada("PATCH", path, {field: f"Editor {number}"}, **if_match(tag))
        return answer.status_code, answer.json.get(field)

    with ThreadPoolExecutor(EDITORS) as pool:
        answers = list(pool.map(edit, range(EDITORS)))
    (winner,) = [name for status, name in answers if status == 200]
    assert sorted(status for status, _ in answers) == [200] + [412] * (EDITORS - 1)
    assert ada("GET", path).json[field] == winner


def test_the_ledger_refuses_an_edit_that_lost_a_race(bank):
    bank.given(ada=0)
    account, ada = bank.opened["ada"], bank.caller("ada")

    def overtaken(seen) -> bool:
        bank.accounts.change(ada, account.id, new_name="Faster")
        return seen.name == account.name

    with pytest.raises(ApiError) as refused:
        bank.accounts.change(ada, account.id, overtaken, new_name="Slower")
    assert refused.value.code == "precondition_failed"
    assert bank.accounts.account(ada, account.id).name == "Faster"


def test_a_user_changed_after_the_check_is_checked_again():
    store = InMemoryUserStore()
    bank, other = Teller(user_store=store), Teller(user_store=store)
    other.users._new_id = bank.users._new_id
    user = bank.users.sign_up("ada", PASSWORD)
    ada = bank.caller("ada")
    ada = type(ada)(user.id, user.role, "session")
    checks = []

    def overtaken(seen) -> bool:
        checks.append(seen.full_name)
        if len(checks) == 1:
            other.users.update(ada, "Faster")
        return seen.full_name is None

    with pytest.raises(ApiError) as refused:
        bank.users.update(ada, "Slower", overtaken)
    assert (refused.value.code, checks) == ("precondition_failed", [None, "Faster"])
    assert bank.users.user(ada).full_name == "Faster"
