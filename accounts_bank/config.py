"""Settings: the defaults, then `config.json`, then the environment (`ACCOUNTS_` + the key)."""

import os
import secrets
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from limits import parse_many
from msgspec import Meta, Struct

from accounts_bank.errors import SettingsError
from accounts_bank.identity import Role, Username
from accounts_bank.stores.factory import MEMORY_URL, backend_of

CONFIG_FILE = Path("config.json")
PREFIX = "ACCOUNTS_"
SECRET_BYTES_MIN = 32

Seconds = Annotated[int, Meta(ge=1, le=10 * 365 * 24 * 3600)]


class Staff(Struct, frozen=True, forbid_unknown_fields=True):
    """A user who is there from the start, where nobody has the name.

    `accounts users create` writes them with a hash; a password in plain text is taken as well.
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
    AUDIT_LOG: str = "audit.log"
    AUDIT_KEY_FILE: str = ""
    LOG_FILE: str = ""
    LOG_FILE_MAX_BYTES: Annotated[int, Meta(ge=4096)] = 10 * 1024 * 1024
    LOG_FILE_COUNT: Annotated[int, Meta(ge=1, le=1000)] = 10
    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    METRICS_TOKEN: str = ""
    TRACING: bool = False
    TRUSTED_HOSTS: tuple[str, ...] = ()
    PROXY_COUNT: Annotated[int, Meta(ge=0, le=10)] = 0
    DRAIN_S: Annotated[int, Meta(ge=0, le=3600)] = 0
    KEEP_ALIVE_S: Annotated[int, Meta(ge=1, le=3600)] = 10
    CUSTOMER_CASH: bool = True
    SANDBOX: bool = False
    DEMO: bool = False
    DEMO_SEED: int = 1
    LOGIN_RATE_LIMIT: str = "10 per 5 minutes"
    LOGIN_ADDRESS_RATE_LIMIT: str = "1000 per 5 minutes"
    SIGN_UP_RATE_LIMIT: str = "1000 per minute"
    RATE_LIMIT: str = ""
    STAFF: tuple[Staff, ...] = ()

    @property
    def is_durable(self) -> bool:
        """Whether the store keeps its data when the process ends."""
        return backend_of(self.STORE_URL).is_durable


def load_settings(
    given: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Put the settings together; `given` comes last and wins.

    :raises SettingsError: a key is unknown or a value is wrong; it says which and what to do.
    """
    environment = os.environ if environment is None else environment
    merged = _from_file(CONFIG_FILE) | _from_environment(environment) | dict(given or {})
    settings = _checked(merged)
    if settings.JWT_SECRET_KEY:
        return settings
    secret = secrets.token_urlsafe(48)
    if settings.is_durable:
        kept = change_config(CONFIG_FILE, lambda before: {"JWT_SECRET_KEY": secret} | before)
        secret = kept["JWT_SECRET_KEY"]
    return msgspec.structs.replace(settings, JWT_SECRET_KEY=secret)


def write_config(path: Path) -> None:
    """Write a configuration with a secret of its own, readable by its owner alone.

    :raises SettingsError: there is one already.
    """
    content = {"STORE_URL": MEMORY_URL, "JWT_SECRET_KEY": secrets.token_urlsafe(48)}
    try:
        _write_private(path, content, os.O_EXCL)
    except FileExistsError:
        raise SettingsError(f"{path} is there already; nothing was changed.") from None


def change_config(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Put another configuration in the place of one, whole at each moment; give the other one.

    Processes that start together change it one after the other.

    :raises SettingsError: it cannot be read or written.
    """
    folder = os.open(path.absolute().parent, os.O_RDONLY)
    new = path.with_name(f".{path.name}.new")
    try:
        flock(folder, LOCK_EX)
        content = change(_from_file(path))
        _write_private(new, content, os.O_TRUNC)
        new.replace(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        os.close(folder)
    return content


def _from_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path} cannot be read as a JSON object: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    types = get_type_hints(Settings, include_extras=True)
    found = {}
    for name, text in environment.items():
        if name.startswith(PREFIX):
            key = name.removeprefix(PREFIX)
            found[key] = text if _is_text(types.get(key, str)) else _decoded(name, text)
    return found


def _is_text(kind: Any) -> bool:
    return kind is str or getattr(kind, "__origin__", None) is Literal


def _decoded(name: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError:
        message = f'{name} must be JSON, as in 900, true or ["headers"]; it is {text!r}.'
        raise SettingsError(message) from None


def _checked(merged: dict[str, Any]) -> Settings:
    for key in merged.keys() - set(Settings.__struct_fields__):
        near = get_close_matches(key, Settings.__struct_fields__, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise SettingsError(f"There is no setting {key}.{hint}")
    try:
        settings = msgspec.convert(merged, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"A setting is wrong: {error}.") from None
    for check in (_check_secrets, _check_limits, _check_rest):
        check(settings)
    return settings


def _check_secrets(settings: Settings) -> None:
    keys = {"JWT_SECRET_KEY": settings.JWT_SECRET_KEY} if settings.JWT_SECRET_KEY else {}
    keys |= {f"JWT_OLD_SECRET_KEYS[{n}]": key for n, key in enumerate(settings.JWT_OLD_SECRET_KEYS)}
    for name, secret in keys.items():
        if len(secret.encode()) < SECRET_BYTES_MIN:
            raise SettingsError(
                f"{name} must have at least {SECRET_BYTES_MIN} bytes: make one with "
                "`accounts init`, or leave it empty to have one made."
            )


def _check_limits(settings: Settings) -> None:
    for key in Settings.__struct_fields__:
        limit = getattr(settings, key)
        if key.endswith("RATE_LIMIT") and limit:
            try:
                parse_many(limit)
            except ValueError:
                raise SettingsError(
                    f"{key} must be like `10 per 5 minutes`; it is {limit!r}."
                ) from None


def _check_rest(settings: Settings) -> None:
    backend = backend_of(settings.STORE_URL)
    if not backend.is_durable and not settings.AUDIT_LOG:
        raise SettingsError(f"AUDIT_LOG: {backend.example} shares nothing, so it writes its own.")
    if "headers" not in settings.JWT_TOKEN_LOCATION:
        raise SettingsError("JWT_TOKEN_LOCATION must have `headers`: the API knows no other way.")
    for staff in settings.STAFF:
        if bool(staff.password) == bool(staff.password_hash):
            raise SettingsError(f"STAFF: {staff.username} needs a password or a password_hash.")
    if settings.SANDBOX:
        raise SettingsError("SANDBOX: this version has no sandbox; leave it false.")


def _write_private(path: Path, content: dict[str, Any], flag: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | flag, 0o600)
    with os.fdopen(fd, "wb") as file:
        os.fchmod(fd, 0o600)
        file.write(msgspec.json.format(msgspec.json.encode(content)) + b"\n")
