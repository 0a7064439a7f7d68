"""The head of a request: one spelling of a path, one of each header that decides."""

from collections.abc import Iterator
from http.client import HTTPConnection
from threading import Thread
from urllib.parse import unquote_to_bytes

import pytest
from werkzeug.serving import make_server
from werkzeug.test import EnvironBuilder

from accounts_bank.app import create_app
from accounts_bank.http.addresses import canonical, network
from tests.helpers import Http, code

SPELLINGS = [
    "//v1/accounts",
    "///v1/accounts",
    "/v1//accounts",
    "/%761/accounts",
    "/v1/%61ccounts",
    "/v1/./accounts",
    "/./v1/accounts",
    "/v1/../v1/accounts",
    "/v1/%2e%2e/v1/accounts",
    "/v1/accounts/",
    "/v1%2Faccounts",
    "/v1%2faccounts",
    "/v1/accounts;a=b",
    "/v1;/accounts",
    "/v1/accounts%3B",
    "/v1/accounts/%c3%a9",
    "/v1/accounts/%zz",
    "/%6detrics",
    "//metrics",
    "/metrics/",
    "/health/%6Cive",
]


@pytest.fixture
def http(passwords) -> Http:
    return Http(create_app({"LOG_LEVEL": "ERROR"}, passwords=passwords))


@pytest.mark.parametrize("path", SPELLINGS)
def test_another_spelling_of_a_path_is_not_found(http, path):
    answer = http.app.test_client().open(
        "/", environ_overrides=_environment(path), headers={"Authorization": "Bearer x"}
    )
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def _environment(path: str) -> dict[str, str]:
    """Make the environment as a server does, that decodes the path and keeps the target."""
    return {"RAW_URI": f"{path}?a=1", "PATH_INFO": unquote_to_bytes(path).decode("latin-1")}


@pytest.mark.parametrize("path", ["/metrics", "/health/live", "/docs", "/openapi.json", "/"])
def test_the_normal_form_is_served(http, path):
    answer = http.app.test_client().open("/", environ_overrides=_environment(path))
    assert answer.status_code in {200, 303}


def test_the_rest_of_a_path_may_have_escapes_that_it_needs(http):
    token = http.joined("ada").token
    path = "/v1/accounts/%C3%A9%20%40"
    answer = http.app.test_client().get(path, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


@pytest.fixture
def flask_run(http) -> Iterator[int]:
    """Serve as `flask run` does; yield the port."""
    server = make_server("127.0.0.1", 0, http.app)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.port
    server.shutdown()
    thread.join()
    server.server_close()


def test_flask_run_serves_one_spelling_too(flask_run):
    def status(path: str) -> int:
        connection = HTTPConnection("127.0.0.1", flask_run, timeout=10)
        connection.request("GET", path)
        return connection.getresponse().status

    assert [path for path in SPELLINGS if status(path) != 404] == []
    assert status("/v1/accounts") == 401


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "deflate, identity", "x"])
def test_an_encoded_body_is_refused(http, coding):
    answer = http("POST", "/v1/users", {}, headers={"Content-Encoding": coding})
    assert code(answer) == (415, "unsupported_media_type")


def test_the_coding_identity_changes_nothing(http):
    body = {"username": "ada", "password": "correct horse"}
    answer = http("POST", "/v1/users", body, headers={"Content-Encoding": "identity"})
    assert answer.status_code == 201


@pytest.mark.parametrize("keys", [("k", "k"), ("k", "l"), ('"k"', '"k"'), ("k", '"l"')])
def test_two_idempotency_keys_are_refused_and_pay_nothing(http, keys):
    ada = http.joined("ada")
    account = ada.opened()
    body = {"account": account["id"], "amount_minor": 5, "currency": "EUR"}
    headers = [("Authorization", f"Bearer {ada.token}")]
    headers += [("Idempotency-Key", key) for key in keys]
    answer = http.app.test_client().post("/v1/deposits", json=body, headers=headers)
    assert code(answer) == (400, "invalid_request")
    assert ada("GET", f"/v1/accounts/{account['id']}").json["balance_minor"] == 0


@pytest.mark.parametrize("host", ["a,b", "a, a"])
def test_a_request_with_two_hosts_is_refused(http, host):
    answer = http.app.test_client().get("/v1/accounts", headers={"Host": host})
    assert code(answer) == (400, "invalid_request")


@pytest.mark.parametrize(("version", "status"), [("1.1", "400"), ("1.0", "200")])
def test_version_1_1_of_http_needs_a_host(http, version, status):
    environment = EnvironBuilder("/health/live").get_environ()
    environment["SERVER_PROTOCOL"] = f"HTTP/{version}"
    del environment["HTTP_HOST"]
    statuses = []
    http.app.wsgi_app(environment, lambda line, *_: statuses.append(line[:3]))
    assert statuses == [status]


@pytest.mark.parametrize("host", ["bank.example", "upstream_backend", ""])
def test_the_link_to_the_next_page_is_relative(http, host):
    ada = http.joined("ada")
    for _ in range(2):
        ada.opened()
    headers = {"Host": host, "Authorization": f"Bearer {ada.token}"}
    answer = http.app.test_client().get("/v1/accounts?limit=1", headers=headers)
    assert answer.headers["Link"].startswith("</v1/accounts?limit=1&cursor=")


@pytest.mark.parametrize(
    ("sent", "counted"),
    [
        ("198.51.100.8", "198.51.100.8"),
        ("198.51.100.8:50000", "198.51.100.8"),
        (" 198.51.100.8 ", "198.51.100.8"),
        ("::ffff:198.51.100.8", "198.51.100.8"),
        ("[::ffff:198.51.100.8]:80", "198.51.100.8"),
        ("::FFFF:C633:6408", "198.51.100.8"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("[2001:db8:0:0::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("198.51.100.8:x", ""),
        ("[2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]80", ""),
        ("unknown", ""),
        ("_hidden", ""),
        ("198.51.100.256", ""),
        ("1" * 10_000, ""),
        ("", ""),
    ],
)
def test_an_address_has_one_spelling(sent, counted):
    assert canonical(sent) == counted


def test_limits_count_a_network_of_version_6():
    assert network("2001:db8:1:2:3::4") == network("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert network("2001:db8:1:3::1") != network("2001:db8:1:2::1")
    assert network("198.51.100.8") == "198.51.100.8"


@pytest.mark.parametrize(
    "addresses",
    [
        ["198.51.100.8:50000", "198.51.100.8:50001", "::ffff:198.51.100.8"],
        ["2001:db8:1:2::1", "[2001:db8:1:2::2]:80", "2001:db8:1:2:9:9:9:9"],
        ["garbage", "unknown", "x" * 500],
    ],
)
def test_a_client_with_many_addresses_has_one_limit(passwords, addresses):
    settings = {"PROXY_COUNT": 1, "LOGIN_RATE_LIMIT": "2 per minute", "LOG_LEVEL": "ERROR"}
    http = Http(create_app(settings, passwords=passwords))
    body = {"username": "ada", "password": "wrong"}
    statuses = [
        http("POST", "/v1/auth/login", body, headers={"X-Forwarded-For": each}).status_code
        for each in addresses
    ]
    assert statuses == [401, 401, 429]


@pytest.mark.parametrize(
    ("sent", "prefix"),
    [
        ("/bank", "/bank"),
        ("/bank/", "/bank"),
        ("/a/b", "/a/b"),
        ("//evil.example", ""),
        ("https://evil.example", ""),
        ("/../x", ""),
        ('/"><script>', ""),
        ("", ""),
    ],
)
def test_a_trusted_proxy_may_show_the_bank_under_a_prefix(passwords, sent, prefix):
    http = Http(create_app({"PROXY_COUNT": 1, "LOG_LEVEL": "ERROR"}, passwords=passwords))
    headers = {"X-Forwarded-Prefix": sent}
    asked = http("GET", "/openapi.json", headers=headers).json
    assert asked["servers"] == [{"url": prefix or "/"}]
    problem = http("GET", "/v1/accounts", headers=headers).json
    assert problem["type"] == f"{prefix}/docs/errors#invalid_token"
    home = http("GET", "/", headers=headers)
    assert home.headers["Location"].startswith(f"{prefix}/overview")


def test_an_untrusted_client_sets_no_prefix(http):
    answer = http("GET", "/openapi.json", headers={"X-Forwarded-Prefix": "/bank"})
    assert answer.json["servers"] == [{"url": "/"}]
