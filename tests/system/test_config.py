"""Settings come from three sources; wrong ones are refused with a clear sentence."""

import json
import stat
from pathlib import Path

import pytest

from accounts_bank.config import Settings, change_config, load_settings, sources, write_config
from accounts_bank.config_shown import config_rows, url_of
from accounts_bank.errors import SettingsError
from tests.gates.test_root_names import ROOT
from tests.stores.books import at_once

SECRET = "s" * 32


def write(**settings) -> None:
    Path("config.json").write_text(json.dumps(settings))


def complaint(given=None, environment=None) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(given, environment or {})
    return caught.value.detail


def test_without_anything_the_bank_is_in_memory_with_a_secret_of_its_own():
    first, second = load_settings(environment={}), load_settings(environment={})
    assert first.STORE_URL == "memory://"
    assert len(first.JWT_SECRET_KEY) >= 32
    assert first.JWT_SECRET_KEY != second.JWT_SECRET_KEY
    assert not Path("config.json").exists()


def test_overrides_win_over_the_environment_which_wins_over_the_file():
    write(JWT_ACCESS_TOKEN_EXPIRES=60, LOG_LEVEL="ERROR", CUSTOMER_CASH=False)
    environment = {"ACCOUNTS_JWT_ACCESS_TOKEN_EXPIRES": "70", "ACCOUNTS_LOG_LEVEL": "WARNING"}
    found = load_settings({"LOG_LEVEL": "DEBUG"}, environment)
    assert found.JWT_ACCESS_TOKEN_EXPIRES == 70
    assert found.LOG_LEVEL == "DEBUG"
    assert found.CUSTOMER_CASH is False


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("JWT_SECRET_KEY", "1" * 32, "1" * 32),
        ("JWT_TOKEN_LOCATION", '["headers"]', ("headers",)),
        ("CUSTOMER_CASH", "false", False),
        ("RATE_LIMIT", "5 per second", "5 per second"),
        ("LOG_LEVEL", "ERROR", "ERROR"),
        ("AUDIT_LOG", "12", "12"),
    ],
)
def test_the_environment_is_read_by_the_type_of_the_setting(name, text, value):
    assert getattr(load_settings(environment={f"ACCOUNTS_{name}": text}), name) == value


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        (
            {"JWT_SECRET": SECRET},
            "JWT_SECRET is no setting: remove it. Did you mean JWT_SECRET_KEY?",
        ),
        ({"PORT": 1}, "PORT is no setting"),
        ({"JWT_SECRET_KEY": "short"}, "32 or more bytes"),
        ({"JWT_SECRET_KEY": 12}, "`str`"),
        ({"JWT_OLD_SECRET_KEYS": ["short"]}, "JWT_OLD_SECRET_KEYS[0]"),
        ({"JWT_ACCESS_TOKEN_EXPIRES": 0}, "JWT_ACCESS_TOKEN_EXPIRES"),
        ({"JWT_ACCESS_TOKEN_EXPIRES": "900"}, "JWT_ACCESS_TOKEN_EXPIRES"),
        ({"JWT_ACCESS_TOKEN_EXPIRES": True}, "JWT_ACCESS_TOKEN_EXPIRES"),
        ({"JWT_TOKEN_LOCATION": ["cookies"]}, "lacks `headers`"),
        ({"JWT_TOKEN_LOCATION": ["query_string"]}, "JWT_TOKEN_LOCATION"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
        ({"RATE_LIMIT": "often"}, "write it like `10 per 5 minutes`"),
        ({"STORE_URL": "postgres://user:secret@host/db"}, "STORE_URL is postgres://..."),
        ({"SANDBOX_BANKS": -1}, "SANDBOX_BANKS"),
        ({"STAFF": [{"username": "tess"}]}, "give tess either a password"),
        ({"STAFF": [{"username": "tess", "password": "x" * 9, "role": "boss"}]}, "role"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_a_sentence_that_helps(settings, hint):
    assert hint in complaint(settings)
    write(**settings)
    said = complaint()
    assert hint in said
    assert "secret@" not in said


def test_an_unknown_variable_of_the_environment_is_told():
    assert "JWT_SECRETS is no setting" in complaint(environment={"ACCOUNTS_JWT_SECRETS": "x"})


def test_a_variable_that_is_no_json_is_told():
    environment = {"ACCOUNTS_JWT_ACCESS_TOKEN_EXPIRES": "soon"}
    assert "set it to JSON" in complaint(environment=environment)


@pytest.mark.parametrize("text", ["{", "[]", "\xff", "null", ""])
def test_a_file_that_is_no_json_object_is_told(text):
    Path("config.json").write_text(text, "latin-1")
    assert "config.json cannot be read as a JSON object" in complaint()


def test_a_configuration_that_was_emptied_is_told_with_its_remedy():
    Path("config.json").touch()
    assert "has 0 bytes): a power cut" in complaint()
    assert "Restore it from a backup, or remove it" in complaint()


def test_a_folder_that_takes_no_configuration_is_told():
    with pytest.raises(SettingsError, match=r"config\.json cannot be written \(No such file"):
        write_config(Path("nowhere/config.json"))


def test_a_configuration_is_written_once_and_for_its_owner_alone():
    path = Path("config.json")
    write_config(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = load_settings(environment={})
    assert first == load_settings(environment={})
    with pytest.raises(SettingsError, match="exists already"):
        write_config(path)
    assert load_settings(environment={}) == first


def test_a_changed_configuration_keeps_its_other_keys_and_is_for_its_owner_alone():
    write(LOG_LEVEL="ERROR")
    change_config(Path("config.json"), lambda before: before | {"CUSTOMER_CASH": False})
    found = load_settings(environment={})
    assert (found.LOG_LEVEL, found.CUSTOMER_CASH) == ("ERROR", False)
    assert stat.S_IMODE(Path("config.json").stat().st_mode) == 0o600


def test_processes_that_start_together_agree_on_one_secret():
    durable = {"STORE_URL": "sqlite:///bank.db"}
    found = at_once(8, lambda _: load_settings(durable, environment={}).JWT_SECRET_KEY)
    assert {*found, load_settings(durable, environment={}).JWT_SECRET_KEY} == {found[0]}


def test_a_secret_that_cannot_be_kept_is_told(monkeypatch):
    Path(".config.json.new").mkdir()
    with pytest.raises(SettingsError, match=r"cannot be written \(Is a directory\)"):
        load_settings({"STORE_URL": "sqlite:///bank.db"}, environment={})


def test_the_example_shows_every_setting_with_its_default():
    example = json.loads((ROOT / "config.example.json").read_text())
    assert example.keys() == set(Settings.__struct_fields__)
    defaults = Settings()
    write(**example)
    found = load_settings(environment={})
    for key in example.keys() - {"JWT_SECRET_KEY"}:
        assert getattr(found, key) == getattr(defaults, key), key


@pytest.mark.parametrize(
    "service", ["ACCOUNTS", "ACCOUNTS_WEB", "ACCOUNTS_2", "ACCOUNTS_STORE_URL"]
)
def test_the_service_links_of_kubernetes_are_no_settings(service):
    links = {
        f"{service}_SERVICE_HOST": "10.0.0.11",
        f"{service}_SERVICE_PORT": "5000",
        f"{service}_SERVICE_PORT_HTTP": "5000",
        f"{service}_SERVICE_PORT_WEB_API_2": "5000",
        f"{service}_PORT": "tcp://10.0.0.11:5000",
        f"{service}_PORT_5000_TCP": "tcp://10.0.0.11:5000",
        f"{service}_PORT_5000_TCP_PROTO": "tcp",
        f"{service}_PORT_5000_TCP_PORT": "5000",
        f"{service}_PORT_5000_TCP_ADDR": "10.0.0.11",
        f"{service}_PORT_53_UDP": "udp://[fd00::1]:53",
        f"{service}_PORT_53_UDP_ADDR": "fd00::1",
        f"{service}_PORT_9_SCTP_PROTO": "sctp",
    }
    assert load_settings(environment=links | {"ACCOUNTS_DRAIN_S": "7"}).DRAIN_S == 7


@pytest.mark.parametrize(
    "name", ["ACCOUNTS_PORT", "ACCOUNTS_WEB_PORT", "ACCOUNTS_SERVICE", "ACCOUNTS_HOST"]
)
def test_a_name_without_the_shape_of_a_service_link_is_refused(name):
    with pytest.raises(SettingsError, match="is no setting"):
        load_settings(environment={name: "5000"})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"JWT_ACCESS_TOKEN_EXPIRES": "15m"}, "a number of seconds, such as 900; it is '15m'"),
        ({"PROXY_COUNT": "one"}, "PROXY_COUNT must be a number, such as 0; it is 'one'"),
        ({"TRACING": "on"}, "TRACING must be true or false; it is 'on'"),
        ({"TRUSTED_HOSTS": "a"}, "TRUSTED_HOSTS must be a list"),
    ],
)
def test_a_wrong_type_is_told_in_words(settings, said):
    assert said in complaint(settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"JWT_SECRET_KEY": ["hunter2"]},
        {"JWT_OLD_SECRET_KEYS": "hunter2"},
        {"METRICS_TOKEN": ["hunter2"]},
        {"STORE_URL": ["hunter2"]},
        {"STAFF": [{"username": "tess", "password": "hunter2", "role": "hunter2"}]},
        {"STAFF": [{"username": "tess", "hunter2": "hunter2"}]},
        {"STAFF": "hunter2"},
    ],
)
def test_no_complaint_shows_a_secret(settings):
    assert "hunter2" not in complaint(settings)
    write(**settings)
    assert "hunter2" not in complaint()


@pytest.mark.parametrize("name", ["JWT_OLD_SECRET_KEYS", "STAFF"])
def test_a_secret_variable_that_is_no_json_is_not_shown(name):
    said = complaint(environment={f"ACCOUNTS_{name}": "hunter2"})
    assert f"ACCOUNTS_{name} must be a list" in said
    assert "hunter2" not in said


def test_bad_json_is_told_with_line_and_column():
    Path("config.json").write_text('{\n  "DEMO": true,\n  "SANDBOX" false\n}')
    assert "line 3, column 13" in complaint()


def test_a_byte_order_mark_is_skipped():
    Path("config.json").write_text('{"DEMO_SEED": 7}', "utf-8-sig")
    assert load_settings(environment={}).DEMO_SEED == 7


def test_the_settings_in_force_are_shown_with_their_sources_and_without_secrets():
    write(JWT_SECRET_KEY="hunter2" * 5, STORE_URL="sqlite:///bank.db", DEMO_SEED=2)
    environment = {"ACCOUNTS_DEMO_SEED": "3"}
    settings = load_settings(environment=environment)
    rows = list(config_rows(settings, sources(environment)))
    assert "DEMO_SEED = 3  (ACCOUNTS_DEMO_SEED)" in rows
    assert "JWT_SECRET_KEY = ***  (config.json)" in rows
    assert 'STORE_URL = "sqlite:///bank.db"  (config.json)' in rows
    assert "DEMO = false  (default)" in rows
    assert len(rows) == len(Settings.__struct_fields__)


def test_a_url_may_stand_in_a_file():
    Path("url").write_text("postgresql://bank:pw@host/bank\n", "utf-8-sig")
    assert url_of("@url") == "postgresql://bank:pw@host/bank"
    assert url_of("sqlite:///bank.db") == "sqlite:///bank.db"
    with pytest.raises(SettingsError, match="name a file with one URL"):
        url_of("@nowhere")
