"""Hostile input gets a clear 400 or stays plain text; it never gets a 5xx."""

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import to_builtins

from accounts_bank.api.schemas.money import TransferRequest
from accounts_bank.errors import InvalidRequest
from accounts_bank.http.messages import parse
from accounts_bank.ledger.values import AMOUNT_MAX_MINOR
from tests.helpers import PASSWORD, TELLER, code


@pytest.fixture
def ada(http):
    """Sign Ada up and in."""
    return http.joined("ada")


def raw(caller, method, path, body: bytes, content_type: str | None = "application/json", **more):
    return caller(method, path, data=body, content_type=content_type, **more)


AMOUNTS = [
    *("0", "-0", "-1", "0.1", "1.0", "1e2", "1e400", "-1e400", "NaN", "Infinity", "true", "null"),
    *('"5"', '"\uff15"', "[5]", "{}", str(2**53), "1" + "0" * 4000, "05", "+5", "0x5", "5_0", ""),
]


@pytest.mark.parametrize("amount", AMOUNTS)
@pytest.mark.parametrize("path", ["/v1/deposits", "/v1/transfers"])
def test_an_amount_is_a_whole_number_of_minor_units(ada, path, amount):
    account = ada.opened(5)
    names = {"account": account["id"]}
    if path == "/v1/transfers":
        names = {"from_account": account["id"], "to_account": account["id"]}
    text = json.dumps({**names, "currency": "EUR", "amount_minor": 77}).replace("77", amount)
    assert code(raw(ada, "POST", path, text.encode())) == (400, "invalid_request")
    assert ada.balance_minor(account) == 5


def test_the_payees_sum_does_not_overflow(ada):
    full, payer = ada.opened(AMOUNT_MAX_MINOR), ada.opened(1)
    assert code(ada.transfer(payer, full, 1)) == (422, "limit_exceeded")
    sent_fields = {"account": full["id"], "amount_minor": AMOUNT_MAX_MINOR, "currency": "EUR"}
    assert code(ada("POST", "/v1/deposits", sent_fields)) == (422, "limit_exceeded")


GOOD = b'{"name":"Main","currency":"EUR"}'

BODIES = {
    "empty": b"",
    "blank": b"  \n",
    "cut": GOOD[:-1],
    "trailing": GOOD + b"{}",
    "array": b"[" + GOOD + b"]",
    "null": b"null",
    "text": b'"Main"',
    "number": b"5",
    "twice": b'{"name":"Main","name":"Other","currency":"EUR"}',
    "twice, escaped": b'{"name":"Main","n\\u0061me":"Other","currency":"EUR"}',
    "missing": b'{"name":"Main"}',
    "unknown": b'{"name":"Main","currency":"EUR","balance_minor":5}',
    "deep": b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b',"currency":"EUR"}',
    "deep objects": b'{"name":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
    "lone surrogate": b'{"name":"\\ud800","currency":"EUR"}',
    "lone surrogate, raw": b'{"name":"\xed\xa0\x80","currency":"EUR"}',
    "half pair": b'{"name":"\\udc00\\ud800","currency":"EUR"}',
    "NUL": b'{"name":"Ma\\u0000in","currency":"EUR"}',
    "NUL, raw": b'{"name":"Ma\x00in","currency":"EUR"}',
    "BOM": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-16, no BOM": GOOD.decode().encode("utf-16-le"),
    "latin-1": b'{"name":"\xfc","currency":"EUR"}',
    "single quotes": b"{'name':'Main','currency':'EUR'}",
    "comma": b'{"name":"Main","currency":"EUR",}',
    "comment": b'{"name":"Main","currency":"EUR"}//',
    "query in place of text": b'{"name":{"$gt":""},"currency":"EUR"}',
    "line feed": b'{"name":"Ma\\nin","currency":"EUR"}',
    "turned": b'{"name":"Ma\\u202ein","currency":"EUR"}',
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_of_another_shape_is_400(ada, name):
    answer = raw(ada, "POST", "/v1/accounts", BODIES[name])
    assert code(answer) == (400, "invalid_request")
    assert answer.json["errors"]
    assert ada("GET", "/v1/accounts").json["data"] == []


def test_a_body_that_says_the_same_again_and_again_is_not_read(ada):
    body = GOOD[:-1] + b',"name":"Main"' * 70_000 + b"}"
    answer = raw(ada, "POST", "/v1/accounts", body)
    assert code(answer) == (400, "invalid_request")
    (error,) = answer.json["errors"]
    assert error == {"pointer": "", "detail": "The body has too many fields. Send fewer."}


def test_texts_may_be_all_quotes(http):
    quotes = {"password": '"' * 256, "full_name": '\\"' * 100}
    assert http("POST", "/v1/users", {"username": "ada"} | quotes).status_code == 201


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ("application/json;charset=UTF8", 201),
        ("application/json; charset=latin-1", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/jsonp", 415),
        ("json", 415),
        ("", 415),
        (None, 415),
    ],
)
def test_a_body_is_said_to_be_json(ada, kind, status):
    answer = raw(ada, "POST", "/v1/accounts", GOOD, kind)
    assert answer.status_code == status
    if status == 415:
        assert code(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize(("size", "status"), [(2**20, 201), (2**20 + 1, 413), (10**7, 413)])
def test_a_body_past_1_mib_is_413(ada, size, status):
    answer = raw(ada, "POST", "/v1/accounts", GOOD + b" " * (size - len(GOOD)))
    assert answer.status_code == status
    if status == 413:
        assert code(answer) == (413, "body_too_large")


def test_a_body_of_unknown_length_is_cut_at_1_mib_and_refused(ada):
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    more: dict[str, Any] = {"environ_overrides": environ, "headers": {"Content-Length": ""}}
    assert raw(ada, "POST", "/v1/accounts", GOOD, **more).status_code == 201
    answer = raw(ada, "POST", "/v1/accounts", GOOD + b" " * 2**20, **more)
    assert code(answer) == (413, "body_too_large")


TRICKS = ["'; DROP TABLE users; --", '{"$gt": ""}', "${jndi:ldap://x}", "<script>alert(1)</script>"]


@pytest.mark.parametrize("text", TRICKS)
def test_a_trick_in_a_text_is_plain_text(ada, http, text):
    account = ada("POST", "/v1/accounts", {"name": text, "currency": "EUR"}).json
    assert account["name"] == text
    sent_fields = {
        "account": account["id"],
        "amount_minor": 5,
        "currency": "EUR",
        "reference": text,
    }
    assert ada("POST", "/v1/deposits", sent_fields).json["reference"] == text
    assert ada("PATCH", "/v1/users/me", {"full_name": text}).json["full_name"] == text
    http("POST", "/v1/users", {"username": text, "password": text * 2})
    assert http.signed_in(text, text * 2)("GET", "/v1/users/me").json["username"] == text


@pytest.mark.parametrize("text", [*TRICKS, "till-eur-0", "bank", "..", "%", "\U0001f3e6", "a" * 64])
def test_a_trick_in_the_name_of_an_account_is_an_unknown_account(ada, text):
    account = ada.opened(5)
    sent_fields = {"account": text, "amount_minor": 5, "currency": "EUR"}
    assert code(ada("POST", "/v1/deposits", sent_fields)) == (404, "not_found")
    sent = ada("POST", "/v1/transfers", {
        "from_account": account["id"],
        "to_account": text,
        "amount_minor": 1,
        "currency": "EUR",
    })  # fmt: skip
    assert code(sent) == (422, "account_unknown")


def forged(value) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


CURSORS = [
    *("", "garbage", "!", "\u00fc", "=" * 5, "a" * 600, "bnVsbA", forged(None), forged([])),
    *(
        forged(each)
        for each in (["x"], [-1], [1.5], [True], [None], [2**70], [[1]], {"a": 1}, [1, 2])
    ),
    *(forged(["2026-01-01T00:00:00Z", 5]), forged(["9999", "x"]), forged([1e400])),
    *(forged(["2026-01-01T00:00:00", "x"]), forged(["\ud800"]), forged(["a" * 300])),
]
LISTS = ["/v1/accounts", "/v1/transfers", "/v1/accounts/{id}/lines"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("cursor", CURSORS)
def test_a_forged_cursor_is_400_or_a_page_of_ones_own(ada, http, path, cursor):
    bob = http.joined("bob")
    bob.opened(7)
    account = ada.opened(5)
    answer = ada("GET", path.format(id=account["id"]), query_string={"cursor": cursor})
    if answer.status_code != 200:
        assert code(answer) == (400, "invalid_request")
        assert answer.json["errors"][0]["pointer"] == "/cursor"
    else:
        assert all(each.get("balance_minor", 5) == 5 for each in answer.json["data"])


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=101", "limit=1000000000", "limit=-1", "limit=ten", "limit=1.5"),
        *("limit=", "limit=%EF%BC%91", "limit=1_0", "limit=1&limit=2", "limit=true", "limit=null"),
        *("page=2", "Limit=5", "cursor=a&cursor=b", "limit=%00", "limit=%ff", "&&limit=0"),
    ],
)
@pytest.mark.parametrize("path", LISTS)
def test_a_query_that_is_not_understood_is_400(ada, path, query):
    account = ada.opened()
    answer = ada("GET", f"{path.format(id=account['id'])}?{query}")
    assert code(answer) == (400, "invalid_request")


def test_a_query_may_say_letters_as_they_are(http):
    muller = http.joined("müllerœ")
    teller = http.signed_in(TELLER)
    for query in ("username=müllerœ".encode().decode("latin-1"), "username=m%C3%BCller%C5%93"):
        answer = teller("GET", "/v1/users", environ_overrides={"QUERY_STRING": query})
        assert answer.json["data"] == [muller("GET", "/v1/users/me").json]


@pytest.mark.parametrize("path", ["/v1/users", "/v1/users/me", "/sign-in"])
def test_a_query_that_is_no_text_is_no_fault_of_ours(http, path):
    teller = http.signed_in(TELLER)
    answer = teller("GET", path, environ_overrides={"QUERY_STRING": "username=\xff&next=\xff"})
    assert answer.status_code < 500


@pytest.mark.parametrize(
    "time",
    [
        *("", "now", "0", "2026", "2026-13-01", "2026-02-30", "2026-01-01T00:00:00"),
        *("2026-01-01T24:00:01Z", "9999-12-31T23:59:59-24:00", "0000-01-01T00:00:00Z"),
        *("2026-01-01T00:60:00Z", "20260101", "1e9", "2026-01-01T00:00:00Z; DROP", "\x00"),
    ],
)
def test_a_time_that_is_none_is_400(ada, time):
    account = ada.opened(5)
    for path, name in [("lines", "from"), ("lines", "to"), ("balance", "at")]:
        answer = ada("GET", f"/v1/accounts/{account['id']}/{path}", query_string={name: time})
        assert code(answer) == (400, "invalid_request")
        assert answer.json["errors"][0]["pointer"] == f"/{name}"


@pytest.mark.parametrize("query", ["dry_run=yes", "dry_run=", "dryrun=true", "dry_run=true&x=1"])
def test_a_dry_run_that_is_misspelt_moves_nothing(ada, query):
    payer, payee = ada.opened(5), ada.opened()
    sent_fields = {"from_account": payer["id"], "to_account": payee["id"], "amount_minor": 1}
    answer = ada("POST", f"/v1/transfers?{query}", {**sent_fields, "currency": "EUR"})
    assert code(answer) == (400, "invalid_request")
    assert ada.balance_minor(payer) == 5


def test_a_key_has_1_to_255_printable_characters(ada):
    account = ada.opened()
    sent_fields = {"account": account["id"], "amount_minor": 1, "currency": "EUR"}
    good = ["k", "a b", "~" * 255, '"quoted"', f'"{"q" * 255}"', 'a"b', "'"]
    bad = [
        "",
        '""',
        "k" * 256,
        f'"{"q" * 256}"',
        "k\x7f",
        "k\u00fc",
        "\u20ac".encode().decode("latin-1"),
        "k\t",
    ]
    for key in good:
        answer = ada(
            "POST", "/v1/deposits", sent_fields, environ_overrides={"HTTP_IDEMPOTENCY_KEY": key}
        )
        assert answer.status_code == 201, key
    for key in bad:
        answer = ada(
            "POST", "/v1/deposits", sent_fields, environ_overrides={"HTTP_IDEMPOTENCY_KEY": key}
        )
        assert code(answer) == (400, "invalid_request"), key
    assert ada.balance_minor(account) == len(good)


@pytest.mark.parametrize(
    "path",
    [
        *("/v1//users", "/v1/accounts/../users", "/v1/accounts/%2e%2e/users/me", "/V1/users"),
        *("/v1/accounts/a%00b", "/v1/accounts/%ff%fe", "/v1/accounts/" + "a" * 5000, "/v1/"),
        *("/v1/users/", "/docs/static/../../config.json", "/docs/static/%2e%2e/%2e%2e/app.py"),
        *("/docs/static/swagger-ui/..%2f..%2f..%2fhttp.py", "/v1/transfers/\u00fc", "/%00"),
    ],
)
def test_a_path_that_leads_nowhere_is_404(ada, path):
    assert code(ada("GET", path)) == (404, "not_found")


def test_no_method_on_any_route_is_a_5xx(app, ada, http):
    for rule in app.url_map.iter_rules():
        path = rule.build(dict.fromkeys(rule.arguments, "x"))[1]
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE", "PROPFIND", "get", "X"):
            for caller in (http, ada):
                if (method, path) == ("POST", "/v1/auth/logout"):
                    continue
                answer = caller(method, path)
                assert answer.status_code < 500, (method, path)
                is_page = answer.mimetype == "text/html" and not path.startswith("/v1/")
                if answer.status_code >= 400 and method != "HEAD" and not is_page:
                    assert code(answer)


@pytest.mark.parametrize(
    "field", ["balance_minor", "role", "owner_id", "id", "status", "__proto__"]
)
def test_fields_of_the_bank_cannot_be_set_by_a_client(ada, http, field):
    account = ada.opened(5)
    cash = {"account": account["id"], "amount_minor": 1, "currency": "EUR"}
    pay = {"from_account": account["id"], "to_account": "x", "amount_minor": 1, "currency": "EUR"}
    for caller, method, path, body in [
        (http, "POST", "/v1/users", {"username": "eve", "password": PASSWORD}),
        (http, "POST", "/v1/auth/login", {"username": "ada", "password": PASSWORD}),
        (ada, "PATCH", "/v1/users/me", {"full_name": "Ada"}),
        (ada, "POST", "/v1/users/me/password", {"current_password": "x", "new_password": "y" * 8}),
        (ada, "POST", "/v1/accounts", {"name": "Main", "currency": "EUR"}),
        (ada, "PATCH", f"/v1/accounts/{account['id']}", {"name": "Main"}),
        (ada, "POST", "/v1/deposits", cash),
        (ada, "POST", "/v1/withdrawals", cash),
        (ada, "POST", "/v1/transfers", pay),
    ]:
        answer = caller(method, path, body | {field: "admin"})
        assert code(answer) == (400, "invalid_request")
        assert answer.json["errors"][0]["pointer"] == f"/{field}"


TEXTS = st.text(alphabet='ab"\\\u00e9\u20ac:,{}', min_size=1, max_size=9)
WISHES = st.fixed_dictionaries(
    {
        "from_account": TEXTS,
        "to_account": TEXTS,
        "amount_minor": st.integers(min_value=1, max_value=99),
        "currency": st.just("EUR"),
    },
    optional={"reference": st.none() | TEXTS},
)


@given(sent_fields=WISHES, data=st.data())
@settings(suppress_health_check=list(HealthCheck))
def test_each_valid_body_is_taken_unless_a_field_is_repeated(app, sent_fields, data):
    pairs = data.draw(st.permutations(list(sent_fields.items())))
    again = data.draw(st.none() | st.sampled_from(pairs))
    if again is not None:
        pairs.insert(data.draw(st.integers(min_value=0, max_value=len(pairs))), again)
    as_ascii = data.draw(st.booleans())
    parts = (f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=as_ascii)}" for k, v in pairs)
    body = "{" + ", ".join(parts) + "}"
    with app.test_request_context(data=body, content_type="application/json"):
        if again is None:
            assert to_builtins(parse(TransferRequest)) == {
                k: v for k, v in sent_fields.items() if v
            }
        else:
            with pytest.raises(InvalidRequest) as caught:
                parse(TransferRequest)
            expected = {"pointer": f"/{again[0]}", "detail": "The field is given twice."}
            assert caught.value.extra["errors"] == [expected]
