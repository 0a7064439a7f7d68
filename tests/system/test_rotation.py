"""Restarts change the secret; every user stays signed in."""

from typing import Any

import pytest

from tests.system.servers import Server, served

OLD, NEW = "o" * 32, "n" * 32
WISH = {"username": "ada", "password": "correct horse"}


def bank(secret: str, *old: str) -> Any:
    keys: dict[str, Any] = {"ACCOUNTS_JWT_SECRET_KEY": secret}
    if old:
        keys["ACCOUNTS_JWT_OLD_SECRET_KEYS"] = f'["{old[0]}"]'
    return served("--workers", "2", ACCOUNTS_STORE_URL="sqlite:///bank.db", **keys)


def works(server: Server, token: str) -> bool:
    status, _ = server.ask("GET", "/v1/users/me", token=token)
    assert status in {200, 401}
    return status == 200


def refreshed(server: Server, tokens: dict[str, str]) -> dict[str, str]:
    status, answer = server.ask("POST", "/v1/auth/refresh", token=tokens["refresh_token"])
    assert status == 200
    return answer


def test_users_stay_signed_in_while_the_secret_is_changed():
    with bank(OLD) as server:
        assert server.ask("POST", "/v1/users", WISH)[0] == 201
        reader, sleeper = (server.ask("POST", "/v1/auth/login", WISH)[1] for _ in range(2))
        assert works(server, reader["access_token"])
    with bank(NEW, OLD) as server:
        assert works(server, reader["access_token"])
        renewed = refreshed(server, reader)
        assert works(server, renewed["access_token"])
        awake = refreshed(server, sleeper)
    with bank(NEW) as server:
        assert works(server, renewed["access_token"])
        assert works(server, refreshed(server, awake)["access_token"])
        assert not works(server, reader["access_token"])


@pytest.mark.parametrize("keys", [(NEW,), (NEW, "x" * 32)])
def test_a_token_of_a_removed_secret_is_refused(keys):
    with bank(OLD) as server:
        token = server.joined("ada")
    with bank(*keys) as server:
        assert not works(server, token)
        assert server.ask("POST", "/v1/auth/login", WISH)[0] == 200
