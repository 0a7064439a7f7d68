"""Settings: the defaults, then `config.json`, then the environment (`ACCOUNTS_` + the name).

Environment values are JSON, but for settings that are text: `ACCOUNTS_TRACING=true`.
"""

import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from limits import parse_many
from msgspec import Meta, Struct

from accounts_bank import durable_files
from accounts_bank.errors import SettingsError
from accounts_bank.identity import Role, Username
from accounts_bank.ledger.currencies import DECIMALS
from accounts_bank.stores.factory import MEMORY_URL, backend_of
from accounts_bank.stores.urls import PORT_MAX

CONFIG_FILE = Path("config.json")
PREFIX = "ACCOUNTS_"
AUTO = "auto"
"""The limit that fits the kind of the bank."""
SECRET_BYTES_MIN = 32

SECRETS = frozenset(
    {"STORE_URL", "JWT_SECRET_KEY", "JWT_OLD_SECRET_KEYS", "METRICS_TOKEN", "STAFF"}
)
"""Settings of which no text shows the value."""

BOM = b"\xef\xbb\xbf"
_FIELD = re.compile(r"`\$\.(?P<name>[A-Z_]+)")
_QUOTED = re.compile(r"(?P<before>value |field )(?:'[^']*'|`[^`]*`)")

_SERVICE_LINK = re.compile(
    r"_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT_[0-9]+_[A-Z]+(?:_(?:PROTO|PORT|ADDR))?"
    r"|(?P<port>PORT))\Z"
)
_ORIGIN = re.compile(
    r"\*|https?://[a-z0-9._-]+(?::[0-9]{1,5})?|https?://\[[0-9a-f:.]+\](?::[0-9]{1,5})?"
)
_ENDPOINT = re.compile(r"[a-z]+://")
_LISTENS = re.compile(
    r"(?:\[(?P<ip>[0-9a-fA-F:.]+)\]|(?P<name>[A-Za-z0-9._-]+)):(?P<port>[0-9]{1,5})"
)

Seconds = Annotated[int, Meta(ge=1, le=10 * 365 * 24 * 3600)]


class Staff(Struct, frozen=True, forbid_unknown_fields=True):
    """A user that each start creates where the name is free.

    `username` follows the rules of sign-up. `role` is a value of `Role`. Exactly one of
    `password_hash` (as `accounts users create` writes it) and `password` (plain text, at most 256
    characters) is set.
    """

    username: Username
    role: Role = Role.CUSTOMER
    password: Annotated[str, Meta(max_length=256)] = ""
    password_hash: str = ""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings, by the names they have in `config.json`. Durations are in seconds."""

    STORE_URL: str = MEMORY_URL
    JWT_SECRET_KEY: str = ""
    JWT_OLD_SECRET_KEYS: tuple[str, ...] = ()
    JWT_TOKEN_LOCATION: tuple[Literal["headers", "cookies"], ...] = ("headers", "cookies")
    JWT_ACCESS_TOKEN_EXPIRES: Seconds = 900
    JWT_REFRESH_TOKEN_EXPIRES: Seconds = 30 * 24 * 3600
    PAGE_IDLE_S: Seconds = 30 * 60
    AUDIT_LOG: str = "audit.log"
    AUDIT_KEY_FILE: str = ""
    LOG_FILE: str = ""
    LOG_FILE_MAX_BYTES: Annotated[int, Meta(ge=4096)] = 10 * 1024 * 1024
    LOG_FILE_COUNT: Annotated[int, Meta(ge=1, le=1000)] = 10
    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    METRICS_TOKEN: str = ""
    METRICS_ADDRESS: str = ""
    TRACING: bool = False
    TRUSTED_HOSTS: tuple[str, ...] = ()
    CORS_ORIGINS: tuple[str, ...] = ()
    PROXY_COUNT: Annotated[int, Meta(ge=0, le=10)] = 0
    DRAIN_S: Annotated[int, Meta(ge=0, le=3600)] = 0
    KEEP_ALIVE_S: Annotated[int, Meta(ge=1, le=3600)] = 10
    CUSTOMER_CASH: bool = True
    FOUR_EYES: bool = False
    FOUR_EYES_CASH_ABOVE_MINOR: dict[str, Annotated[int, Meta(ge=0)]] = {}
    APPROVAL_EXPIRES_S: Annotated[int, Meta(ge=1, le=30 * 24 * 3600)] = 24 * 3600
    MEMORY_ENTRIES_WARNED: Annotated[int, Meta(ge=1)] = 1_000_000
    SANDBOX: bool = False
    SANDBOX_OPEN: bool = False
    SANDBOX_BANKS: Annotated[int, Meta(ge=0, le=100_000)] = 1_000
    DEMO: bool = False
    DEMO_SEED: int = 1
    LOGIN_RATE_LIMIT: str = "10 per 5 minutes"
    LOGIN_ADDRESS_RATE_LIMIT: str = AUTO
    SIGN_UP_RATE_LIMIT: str = AUTO
    RATE_LIMIT: str = AUTO
    STAFF: tuple[Staff, ...] = ()

    @property
    def is_durable(self) -> bool:
        """Whether the store keeps its data after the process ends."""
        return backend_of(self.STORE_URL).is_durable

    @property
    def metrics_listen(self) -> tuple[str, int] | None:
        """The host and the port of METRICS_ADDRESS; None where it is empty.

        :raises SettingsError: it is no host with a port.
        """
        found = _LISTENS.fullmatch(self.METRICS_ADDRESS)
        if found and 1 <= int(found["port"]) <= PORT_MAX:
            return found["ip"] or found["name"], int(found["port"])
        if self.METRICS_ADDRESS:
            raise SettingsError(
                f"METRICS_ADDRESS is {self.METRICS_ADDRESS!r}: write a host and a port, such as "
                "127.0.0.1:9464 or [::1]:9464."
            )
        return None


def read_settings(
    overrides: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Merge the settings; a later source overrides an earlier one. Nothing is written.

    `overrides` come last and win, by setting name. `environment` replaces `os.environ`.

    :raises SettingsError: a name is unknown or a value is wrong; the text names the setting.
    """
    environment = os.environ if environment is None else environment
    return _check(_read_file(CONFIG_FILE) | _read_environment(environment) | dict(overrides or {}))


def sources(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return where each setting comes from: `default`, `config.json` or its variable."""
    found = dict.fromkeys(Settings.__struct_fields__, "default")
    found |= dict.fromkeys(_read_file(CONFIG_FILE), str(CONFIG_FILE))
    names = _read_environment(os.environ if environment is None else environment)
    return found | {name: f"{PREFIX}{name}" for name in names}


def is_secret(name: str) -> bool:
    """Return whether the value of a setting may hold a secret. An unknown name may."""
    return name in SECRETS or name not in Settings.__struct_fields__


def load_settings(
    overrides: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Read the settings; a missing `JWT_SECRET_KEY` is generated.

    A durable store keeps it in `config.json`, for all processes. It raises as `read_settings` does.
    """
    settings = read_settings(overrides, environment)
    if settings.JWT_SECRET_KEY:
        return settings
    secret = secrets.token_urlsafe(48)
    if settings.is_durable:
        content = change_config(CONFIG_FILE, lambda before: {"JWT_SECRET_KEY": secret} | before)
        secret = content["JWT_SECRET_KEY"]
    return msgspec.structs.replace(settings, JWT_SECRET_KEY=secret)


def write_config(path: Path) -> None:
    """Write a configuration with a new secret; only the owner can read the file (mode 600).

    :raises SettingsError: the file exists and stays as it is, or it cannot be written.
    """
    content = {"STORE_URL": MEMORY_URL, "JWT_SECRET_KEY": secrets.token_urlsafe(48)}
    try:
        durable_files.create(path, _encode(content))
    except FileExistsError:
        raise SettingsError(f"{path} exists already: edit it, or move it away first.") from None
    except OSError as error:
        raise _not_written(path, error) from error


def change_config(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Replace a configuration, one process at a time, and return the new content.

    `change` maps the old content to the new one.

    :raises SettingsError: the file cannot be read or written.
    """
    try:
        with durable_files.locked_folder(path):
            content = change(_read_file(path))
            durable_files.replace(path, _encode(content))
    except OSError as error:
        raise _not_written(path, error) from error
    return content


def _not_written(path: Path, error: OSError) -> SettingsError:
    hint = "make it and its folder writable"
    return SettingsError(f"{path} cannot be written ({error.strerror}): {hint}.")


def _read_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    text = b""
    try:
        text = path.read_bytes()
        if not text:
            raise SettingsError(
                f"{path} cannot be read as a JSON object (it has 0 bytes): a power cut or a full "
                "disk emptied it. Restore it from a backup, or remove it: the next start writes a "
                "new secret, and each user signs in again."
            )
        return msgspec.json.decode(text.removeprefix(BOM), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError) as error:
        why = _place(text) if isinstance(error, msgspec.DecodeError) else ""
        raise SettingsError(
            f"{path} cannot be read as a JSON object ({why or error}): mend or remove it."
        ) from error


def _place(text: bytes) -> str:
    """Return the fault of a text that is no JSON, with its line and column; "" for JSON."""
    try:
        json.loads(text.removeprefix(BOM).decode(errors="replace"))
    except json.JSONDecodeError as error:
        return f"{error.msg}, line {error.lineno}, column {error.colno}"
    return ""


def _read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    types = get_type_hints(Settings, include_extras=True)
    values = {}
    for name, text in environment.items():
        if name.startswith(PREFIX) and not _is_service_link(name, text):
            key = name.removeprefix(PREFIX)
            values[key] = text if _is_text(types.get(key, str)) else _decode(name, text)
    return values


def _is_service_link(name: str, text: str) -> bool:
    """Tell whether Kubernetes set a variable for a Service, such as `accounts` or `accounts-web`.

    Source: Kubernetes, "Service", environment variables.
    """
    found = _SERVICE_LINK.search(name)
    return found is not None and (found["port"] is None or _ENDPOINT.match(text) is not None)


def _is_text(kind: Any) -> bool:
    return kind is str or getattr(kind, "__origin__", None) is Literal


def _decode(name: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError:
        key = name.removeprefix(PREFIX)
        it_is = "" if is_secret(key) else f", and is {text!r}"
        raise SettingsError(f"{name} must be {_kind_of(key)}{it_is}: set it to JSON.") from None


def _kind_of(name: str) -> str:
    """Return the kind of a setting in words."""
    default = getattr(Settings(), name, "")
    if isinstance(default, bool):
        return "true or false"
    if isinstance(default, int):
        unit = " of seconds" if name.endswith(("_S", "_EXPIRES")) else ""
        return f"a number{unit}, such as {default}"
    if isinstance(default, tuple):
        example = msgspec.json.encode(default or ["..."]).decode()
        return f"a list, such as {'[{...}]' if name == 'STAFF' else example}"
    return "a text"


def _check(merged: dict[str, Any]) -> Settings:
    for key in merged.keys() - set(Settings.__struct_fields__):
        near = get_close_matches(key, Settings.__struct_fields__, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise SettingsError(f"{key} is no setting: remove it.{hint}")
    try:
        settings = msgspec.convert(merged, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(_wrong_value(str(error), merged)) from None
    for check in (_check_secrets, _check_limits, _check_rest):
        check(settings)
    return settings


def _wrong_value(error: str, merged: dict[str, Any]) -> str:
    """Return the sentence for a wrong value. It shows no value that may be a secret."""
    found = _FIELD.search(error)
    name = found["name"] if found else ""
    if is_secret(name):
        masked = _QUOTED.sub(r"\g<before>***", error)
        return f"A setting has a wrong value: {masked}."
    return f"{name} must be {_kind_of(name)}; it is {merged[name]!r} ({error})."


def _check_secrets(settings: Settings) -> None:
    keys = {"JWT_SECRET_KEY": settings.JWT_SECRET_KEY} if settings.JWT_SECRET_KEY else {}
    keys |= {f"JWT_OLD_SECRET_KEYS[{n}]": key for n, key in enumerate(settings.JWT_OLD_SECRET_KEYS)}
    for name, secret in keys.items():
        if len(secret.encode()) < SECRET_BYTES_MIN:
            raise SettingsError(
                f"{name} must have {SECRET_BYTES_MIN} or more bytes: write one with "
                "`accounts init`, or leave it empty to have one generated."
            )


def _check_limits(settings: Settings) -> None:
    for key in Settings.__struct_fields__:
        limit = getattr(settings, key) if key.endswith("RATE_LIMIT") else ""
        if limit not in {"", AUTO}:
            try:
                parse_many(limit)
            except ValueError:
                message = f"{key} is {limit!r}: write it like `10 per 5 minutes`."
                raise SettingsError(message) from None


def _check_rest(settings: Settings) -> None:
    backend = backend_of(settings.STORE_URL)
    if not backend.is_durable and not settings.AUDIT_LOG:
        raise SettingsError(
            f"AUDIT_LOG is empty: set it to a file; no other bank can log for {backend.example}."
        )
    _ = settings.metrics_listen
    if "headers" not in settings.JWT_TOKEN_LOCATION:
        raise SettingsError("JWT_TOKEN_LOCATION lacks `headers`: add it; the API needs it.")
    for origin in settings.CORS_ORIGINS:
        if not _ORIGIN.fullmatch(origin):
            message = f"CORS_ORIGINS has {origin!r}: write it like `https://app.example`."
            raise SettingsError(message)
    for currency in settings.FOUR_EYES_CASH_ABOVE_MINOR.keys() - DECIMALS.keys():
        raise SettingsError(
            f"FOUR_EYES_CASH_ABOVE_MINOR has {currency!r}: use codes of ISO 4217, such as EUR."
        )
    for staff in settings.STAFF:
        if bool(staff.password) == bool(staff.password_hash):
            raise SettingsError(
                f"STAFF: give {staff.username} either a password or a password_hash."
            )


def _encode(content: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content)) + b"\n"
