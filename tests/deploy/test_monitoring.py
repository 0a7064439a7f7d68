"""Dashboard and alerts: Prometheus understands them, and they speak of numbers that there are."""

import json
import re
import subprocess
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from accounts_bank.observability.prometheus import Metrics
from tests.ports import free_port
from tests.programs import program
from tests.system.servers import ROOT, served
from tests.waiting import within

PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "accounts.json").read_text())
ALERTS = (PROMETHEUS / "alerts.yml").read_text()
NAMES = re.findall(r"^      - alert: (\w+)", ALERTS, re.MULTILINE)


def promtool(*arguments: str) -> str:
    command = [program("promtool", package="prometheus"), *arguments]
    done = subprocess.run(command, cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def expressions() -> list[str]:
    """Return the queries of the dashboard, as Grafana would send them for all servers."""
    targets = [target for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    replaced = {"$job": "accounts", "$instance": ".*", "$__rate_interval": "5m"}
    found = [each["expr"] for each in targets]
    for name, value in replaced.items():
        found = [each.replace(name, value) for each in found]
    return found


def test_prometheus_takes_the_rules_and_the_configuration():
    assert "16 rules found" in promtool("check", "rules", "alerts.yml")
    promtool("check", "config", "prometheus.yml")


def test_every_alert_fires_at_its_own_fault_alone():
    promtool("test", "rules", "alerts_test.yml")
    tests = (PROMETHEUS / "alerts_test.yml").read_text()
    silent = set(re.findall(r"alertname: (\w+)\}", tests))
    firing = set(re.findall(r"alertname: (\w+)\n +exp_alerts", tests))
    assert silent == firing == set(NAMES)


def test_every_alert_has_its_section_in_the_docs():
    page = (ROOT / "docs" / "alerts.md").read_text()
    assert re.findall(r"^## (\w+)", page, re.MULTILINE) == NAMES


def test_alerts_and_dashboard_ask_for_numbers_that_there_are():
    there = set(re.findall(r"^# TYPE (\w+)", Metrics().render().decode(), re.MULTILINE))
    for text in [ALERTS, *expressions()]:
        for name in re.findall(r"accounts_\w+", text):
            assert re.sub(r"_(bucket|count|sum)$", "", name) in there, name


@pytest.fixture
def ask(tmp_path):
    """Run a bank of two workers and a Prometheus that watches it; give a way to query that."""
    prometheus = program("prometheus")
    with served("--workers", "2", ACCOUNTS_STORE_URL="sqlite:///bank.db") as bank:
        token = bank.joined("ada")
        bank.opened(token, 5)
        port = free_port()
        text = (PROMETHEUS / "prometheus.yml").read_text().replace("15s", "1s")
        text = text.replace("127.0.0.1:5000", f"127.0.0.1:{bank.port}")
        Path("prometheus.yml").write_text(text)
        Path("alerts.yml").write_text(ALERTS)
        listen = f"--web.listen-address=127.0.0.1:{port}"
        arguments = [listen, "--config.file=prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
        with Path("prometheus.log").open("w") as log:
            process = subprocess.Popen([prometheus, *arguments], stdout=log, stderr=log)
        try:
            yield lambda query: queried(port, query)
        finally:
            process.terminate()
            process.wait(20)


def queried(port: int, query: str) -> list:
    url = f"http://127.0.0.1:{port}/api/v1/query?{urlencode({'query': query})}"
    with urlopen(url, timeout=10) as answer:
        return json.load(answer)["data"]["result"]


def is_answered(ask, query: str) -> bool:
    with suppress(OSError):  # it does not listen yet
        return bool(ask(query))
    return False


def test_a_real_prometheus_has_an_answer_to_every_panel(ask):
    watched = "count_over_time(accounts_workers[1m]) > 3 and accounts_workers == 2"
    assert within(60, lambda: is_answered(ask, watched)), Path("prometheus.log").read_text()
    unanswered = {query for query in expressions() if not ask(query)}
    never_happened = ("accounts_store_failures", 'outcome!="recorded"')
    assert {query for query in unanswered if not any(e in query for e in never_happened)} == set()
    assert [found["value"][1] for found in ask("accounts_workers")] == ["2"]
    assert ask('ALERTS{alertstate="firing"}') == []
