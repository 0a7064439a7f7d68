"""The generated tables of these pages: `make docs` writes them, `make test` compares them."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from flask import Flask

from accounts_bank.app import create_app
from accounts_bank.collections.permissions import may
from accounts_bank.config import Settings
from accounts_bank.identity import Role

SETTINGS = {
    "STORE_URL": "where the bank keeps its books: see [stores.md](stores.md)",
    "JWT_SECRET_KEY": "signs tokens; 32 bytes or more. A start saves one in `config.json`, "
    "a bank in memory makes one at each start",
    "JWT_OLD_SECRET_KEYS": "secrets that still verify tokens: put the old one here",
    "JWT_TOKEN_LOCATION": "where tokens may be; cookies are for pages, `/v1` takes headers alone",
    "JWT_ACCESS_TOKEN_EXPIRES": "seconds",
    "JWT_REFRESH_TOKEN_EXPIRES": "seconds; each refresh prolongs a session",
    "PAGE_IDLE_S": "seconds without use after which a session of the pages ends",
    "AUDIT_LOG": "path; `.head` (its sealed end) and `.key` lie beside it. Empty: this "
    "[host](decisions/several-hosts.md) writes none",
    "AUDIT_KEY_FILE": "path; keep it away from writers of the log. Empty: beside the log",
    "LOG_FILE": "path of the log of requests, JSON lines; empty: the console",
    "LOG_FILE_MAX_BYTES": "bytes at which `LOG_FILE` is rotated",
    "LOG_FILE_COUNT": "rotated files that are kept",
    "LOG_LEVEL": "`WARNING` is a faulty call, `ERROR` calls an operator",
    "MEMORY_ENTRIES_WARNED": "entries in memory that log a warning, as each doubling does",
    "METRICS_TOKEN": "bearer token for `/metrics`; empty: open to every client of the port",
    "METRICS_ADDRESS": "host and port at which `accounts serve` shows `/metrics` instead of the "
    "bank's own port, such as `127.0.0.1:9464`",
    "TRACING": "OpenTelemetry spans, with the extra `accounts-bank[tracing]`; the target is "
    "`OTEL_EXPORTER_OTLP_ENDPOINT`",
    "TRUSTED_HOSTS": "host names that the bank answers to; `.bank.example` includes subdomains. "
    "Empty: any name. `/health` and `/metrics` answer to addresses too",
    "CORS_ORIGINS": "[pages of other origins](front-end.md) that may call `/v1`, such as "
    "`https://app.example`; `*` is all. A demo and a sandbox allow each port of localhost",
    "PROXY_COUNT": "proxies in front, whose `X-Forwarded-For`, `-Proto` and `-Prefix` count",
    "DRAIN_S": "seconds after SIGTERM with `/health/ready` 503 and all requests answered",
    "KEEP_ALIVE_S": "seconds that a connection may be idle; more than the proxy in front allows",
    "FOUR_EYES": "limits, roles and reversals for others wait for a second member of "
    "[staff](staff.md)",
    "FOUR_EYES_CASH_ABOVE_MINOR": "the largest amounts that a teller pays in or out alone, in "
    'minor units, such as `{"EUR": 100000}`; more waits for a second member of [staff](staff.md)',
    "APPROVAL_EXPIRES_S": "seconds that an action of staff waits for a second person",
    "CUSTOMER_CASH": "customers deposit and withdraw themselves; `false`: tellers only",
    "SANDBOX": "[a bank to build against](decisions/sandbox-banks.md), with [faults](faults.md)",
    "SANDBOX_OPEN": "`true` opens the sandbox to callers from loopback; else an admin's token does",
    "SANDBOX_BANKS": "the most banks beside the first one",
    "DEMO": "`accounts demo` sets it: people with public passwords",
    "DEMO_SEED": "the same seed makes the same people and history",
    "LOGIN_RATE_LIMIT": "failed sign-ins for an address and a username without a delay",
    "LOGIN_ADDRESS_RATE_LIMIT": "sign-ins for an address; ten times as many for an IPv6 /48. "
    "`auto`: `1000 per 5 minutes`, but `10000` for a demo, a sandbox and a bank in memory",
    "SIGN_UP_RATE_LIMIT": "new users for an address. `auto`: `10 per minute`, but "
    "`1000 per minute` for a demo, a sandbox and a bank in memory",
    "RATE_LIMIT": "payments of a customer, each item of a bulk counted; empty: no limit. `auto`: "
    "`600000 per minute`, none for a demo and a sandbox",
    "STAFF": "users that a start adds, each name once; `accounts users create` writes them",
}
METHODS = ("post", "get", "put", "patch", "delete")
CONDITIONS = {
    "POST /v1/auth/refresh": "with a refresh token",
    "GET /v1/users": "a teller by `?username=` alone",
    "POST /v1/transfers/<entry_id>/reversals": "its payee, and tellers",
    "POST /v1/holds/<entry_id>/capture": "its payee, and tellers",
    "POST /v1/holds/<entry_id>/void": "its payee, and tellers",
    "DELETE /v1/schedules/<entry_id>": "its payer",
}


def settings() -> Iterator[str]:
    """Yield the rows of the table of settings: key, default, meaning."""
    defaults = msgspec.to_builtins(Settings())
    yield "| Key | Default | Meaning |"
    yield "|---|---|---|"
    for name in Settings.__struct_fields__:
        default = msgspec.json.encode(defaults[name]).decode()
        yield f"| `{name}` | `{default}` | {SETTINGS[name]} |"


@contextmanager
def application() -> Iterator[Flask]:
    """Build an application in an empty folder, and close it."""
    with TemporaryDirectory() as folder:
        chdir(folder)
        app = create_app({"LOG_LEVEL": "ERROR", "SANDBOX": True})
        yield app
        app.extensions["accounts"].close()
        chdir(Path(__file__).parents[1])


def routes() -> Iterator[str]:
    """Yield the rows of the table of routes, from the OpenAPI document."""
    with application() as app:
        paths = app.test_client().get("/openapi.json").get_json()["paths"]
    yield "| Call | Does |"
    yield "|---|---|"
    for path, operations in paths.items():
        for method in METHODS:
            if method in operations:
                yield f"| `{method.upper()} {path}` | {operations[method]['summary']} |"


def roles() -> Iterator[str]:
    """Yield the rows of the table of roles, from the permission of each operation."""
    yield f"| Call | stranger | {' | '.join(Role)} |"
    yield f"|---|---{'|---' * len(Role)}|"
    with application() as app:
        rules = [
            (rule, vars(app.view_functions[rule.endpoint])["operation"])
            for rule in app.url_map.iter_rules()
            if rule.rule.startswith("/v1/")
        ]
    for rule, operation in rules:
        (method,) = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        call = f"{method} {rule.rule}"
        condition = f" ({CONDITIONS[call]})" if call in CONDITIONS else ""
        permission = operation.permission
        opens = [
            permission is None or (role is not None and may(role, permission))
            for role in (None, *Role)
        ]
        cells = " | ".join("yes" if each else "no" for each in opens)
        yield f"| `{call}`{condition} | {cells} |"
