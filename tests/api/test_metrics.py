"""/metrics: the counted events, and the secrets that never show."""

import re
from datetime import UTC, datetime
from http.client import HTTPConnection
from urllib.parse import unquote

import pytest
from prometheus_client.parser import text_string_to_metric_families

from accounts_bank.api import create_metrics_app
from accounts_bank.app import create_app
from accounts_bank.errors import SettingsError, Unavailable
from accounts_bank.identity import Event
from accounts_bank.server.metrics_port import serve_metrics
from accounts_bank.stores.memory import journal as memory
from tests.helpers import Http, code


def numbers(http) -> dict[tuple, float]:
    """Read the numbers, by name and labels."""
    answer = http("GET", "/metrics")
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        200,
        "text/plain; version=0.0.4; charset=utf-8",
    )
    return {
        (sample.name.removeprefix("accounts_"), *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def requests(found, method, route, status) -> float:
    labels = (("method", method), ("route", route), ("status", str(status)))
    return found.get(("requests_total", *labels), 0)


def entries(found, kind, outcome) -> float:
    return found.get(("entries_total", ("kind", kind), ("outcome", outcome)), 0)


def test_requests_are_counted_by_route_method_and_status(http):
    ada = http.joined("ada")
    account = ada.opened(5)
    for _ in range(3):
        ada("GET", f"/v1/accounts/{account['id']}")
    ada("GET", "/v1/accounts/nobody")
    found = numbers(http)
    assert requests(found, "GET", "/v1/accounts/<account>", 200) == 4
    assert requests(found, "GET", "/v1/accounts/<account>", 404) == 1
    assert requests(found, "POST", "/v1/deposits", 201) == 1
    where = (("method", "GET"), ("route", "/v1/accounts/<account>"))
    assert found["request_seconds_count", *where] == 5
    assert 0 < found["request_seconds_sum", *where] < 5


def test_entries_are_counted_by_kind_and_outcome_and_a_replay_is_one_of_its_own(http):
    ada = http.joined("ada")
    account, other = ada.opened(5), ada.opened()
    ada.transfer(account, other, 2, key="one")
    ada.transfer(account, other, 2, key="one")
    ada.transfer(account, other, 3, key="one")
    ada.transfer(account, other, 100)
    found = numbers(http)
    assert entries(found, "account_opened", "recorded") == 2
    assert entries(found, "transfer", "recorded") == 1
    assert entries(found, "transfer", "replayed") == 1
    assert entries(found, "transfer", "key_reused") == 1
    assert entries(found, "transfer", "funds_insufficient") == 1


def test_text_of_a_caller_is_never_a_label(app, http):
    ada = http.joined("ada")
    account = ada.opened(5)
    for path in ("/nowhere/canary", "/v1/accounts/canary", "/v1/transfers/canary?canary=1"):
        ada("GET", path)
    ada("GET", "/health/live", headers={"X-Request-Id": "canary", "User-Agent": "canary"})
    http("FROB", "/health/live")
    http("FROB2", "/nowhere")
    found = numbers(http)
    shown = str(found)
    assert not [each for each in ("canary", account["id"], account["number"]) if each in shown]
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", shown)
    known = {"", *(rule.rule for rule in app.url_map.iter_rules())}
    assert {labels["route"] for _, *pairs in found if "route" in (labels := dict(pairs))} <= known
    assert requests(found, "other", "", 405) == 1
    assert requests(found, "other", "", 404) == 1


def test_the_audit_lag_shows(app, http, monkeypatch):
    ada = http.joined("ada")
    account = ada.opened()
    found = numbers(http)
    assert (found["audit_unsealed_items",], found["audit_failing",]) == (0, 0)
    sealer = app.extensions["accounts"].audit

    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sealer.log, "writing", full)
    for _ in range(3):
        body = {"account": account["id"], "amount_minor": 5, "currency": "EUR"}
        ada("POST", "/v1/deposits", body)
    found = numbers(http)
    assert (found["audit_unsealed_items",], found["audit_failing",]) == (3, 1)
    assert 0 < found["audit_unsealed_seconds",] < 60
    monkeypatch.undo()
    sealer.seal()
    found = numbers(http)
    assert (found["audit_unsealed_items",], found["audit_unsealed_seconds",]) == (0, 0)
    assert found["audit_failing",] == 0


def test_a_wrong_clock_shows(passwords, monkeypatch):
    app = create_app({}, passwords=passwords)
    http = Http(app)
    assert numbers(http)["clock_wrong",] == 0
    monkeypatch.setattr(
        app.extensions["accounts"].clock, "_system", lambda: datetime(2020, 1, 1, tzinfo=UTC)
    )
    assert numbers(http)["clock_wrong",] == 1
    monkeypatch.undo()
    assert numbers(http)["clock_wrong",] == 0
    app.extensions["accounts"].close()


def test_the_oldest_item_says_how_late_the_audit_log_is(app):
    sealer = app.extensions["accounts"].audit
    then = datetime(2026, 1, 1, tzinfo=UTC)

    sealer.journal.add([Event("old", "login", then, None, None)])
    assert sealer.backlog() == (1, then)


def test_numbers_are_there_while_the_store_is_not(app, http, monkeypatch):
    def down(_limit):
        raise Unavailable("The store does not answer.")

    monkeypatch.setattr(app.extensions["accounts"].audit.journal, "backlog", down)
    found = numbers(http)
    assert str(found["audit_unsealed_seconds",]) == "nan"
    assert found["workers",] == 1
    monkeypatch.undo()


def test_a_durable_store_tells_how_long_it_takes_and_how_it_shares_commits(passwords):
    settings = {"STORE_URL": "sqlite:///bank.db", "LOG_FILE": "app.log"}
    app = create_app(settings, passwords=passwords)
    ada = Http(app).joined("ada")
    ada.opened(5)
    found = numbers(ada)
    labels = (("operation", "append"), ("store", "accounts"))
    assert found["store_seconds_count", *labels] == 2
    assert found["commit_entries_count",] == found["commit_entries_sum",] == 2
    assert found["commit_waiting_entries",] == 0
    assert found["store_connections_max",] == 16
    assert found["store_seconds_count", ("operation", "put"), ("store", "users")] >= 2
    app.extensions["accounts"].close()


def test_metrics_with_a_token_need_the_token(passwords):
    settings = {"METRICS_TOKEN": "a-token-of-the-scraper", "LOG_FILE": "app.log"}
    http = Http(create_app(settings, passwords=passwords))
    answer = http("GET", "/metrics")
    assert code(answer) == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert code(Http(http.app, "another")("GET", "/metrics")) == (401, "invalid_token")
    assert code(Http(http.app, "\u00fc")("GET", "/metrics")) == (401, "invalid_token")
    assert Http(http.app, "a-token-of-the-scraper")("GET", "/metrics").status_code == 200


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_numbers_are_only_read(http, method):
    assert code(http(method, "/metrics")) == (405, "method_not_allowed")


@pytest.mark.parametrize("sandbox", [False, True])
def test_a_bank_in_memory_warns_as_it_grows(passwords, monkeypatch, caplog, sandbox):
    app = create_app({"MEMORY_ENTRIES_WARNED": 4, "SANDBOX": sandbox}, passwords=passwords)
    monkeypatch.setattr(memory.logger, "handlers", [caplog.handler])
    ada = Http(app).joined("ada")
    account = ada.opened()
    sealer = app.extensions["accounts"].audit
    for _ in range(6):
        ada(
            "POST", "/v1/deposits", {"account": account["id"], "amount_minor": 1, "currency": "EUR"}
        )
        sealer.seal()
    warned = [each.context["entries"] for each in caplog.records if each.msg == "memory_grows"]
    assert warned == [4, 8]
    assert numbers(ada)["memory_entries",] >= 9
    app.extensions["accounts"].close()


@pytest.fixture
def port_of_its_own(passwords):
    """Make a bank with METRICS_ADDRESS; yield its app and the port of its metrics."""
    app = create_app({"METRICS_ADDRESS": "127.0.0.1:9464"}, passwords=passwords)
    server = serve_metrics(
        ("127.0.0.1", 0), create_metrics_app(app.extensions["accounts"]).wsgi_app
    )
    yield app, server.server_port
    server.shutdown()
    server.server_close()
    app.extensions["accounts"].close()


def asked(port: int, path: str, **headers: str) -> tuple[int, str, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    said = answer.status, answer.headers["Content-Type"], answer.read().decode()
    connection.close()
    return said


@pytest.mark.parametrize("path", ["/metrics", "//metrics", "/%6detrics", "/metrics/"])
def test_with_a_port_of_their_own_no_spelling_finds_the_metrics_on_the_banks_port(
    port_of_its_own, path
):
    app, _ = port_of_its_own
    target = {"PATH_INFO": unquote(path), "RAW_URI": path}
    assert code(Http(app)("GET", "/", environ_overrides=target)) == (404, "not_found")


def test_the_port_of_the_metrics_shows_them_and_nothing_else(port_of_its_own):
    app, port = port_of_its_own
    Http(app).joined("ada")
    status, kind, text = asked(port, "/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert 'route="/v1/users"' in text
    for path in ("/v1/users/me", "/docs", "/", "/metrics/"):
        assert asked(port, path)[:2] == (404, "application/problem+json")


@pytest.mark.parametrize(
    "address", ["9464", "localhost", "127.0.0.1:0", "::1:80", "a b:80", "x:70000"]
)
def test_a_wrong_metrics_address_stops_the_start(passwords, address):
    with pytest.raises(SettingsError, match=r"METRICS_ADDRESS is .*such as 127\.0\.0\.1:9464"):
        create_app({"METRICS_ADDRESS": address}, passwords=passwords)
