"""Passwords: the cost of argon2id and the bound on concurrent hashes."""

from threading import Event
from time import monotonic

import pytest
from argon2 import extract_parameters
from argon2.exceptions import HashingError, VerificationError
from argon2.low_level import Type

from accounts_bank.collections import passwords as module
from accounts_bank.collections.passwords import Passwords
from accounts_bank.errors import Unavailable
from tests.helpers import cheap
from tests.stores.books import at_once


def test_a_password_is_hashed_with_the_parameters_of_owasp():
    parameters = extract_parameters(Passwords().hash("correct horse"))
    assert parameters.type is Type.ID
    assert parameters.memory_cost >= 19 * 1024
    assert parameters.time_cost >= 2
    assert parameters.parallelism == 1
    assert parameters.salt_len >= 16


def test_only_the_password_itself_fits():
    passwords = cheap()
    digest = passwords.hash("correct horse")
    assert passwords.verify("correct horse", digest)
    assert not passwords.verify("correct horses", digest)
    assert not passwords.verify("correct horse", None)
    assert not passwords.verify("nobody has this password", None)
    assert not passwords.verify("", "")
    assert not passwords.verify("correct horse", "no hash at all")


def test_no_two_hashes_are_alike():
    passwords = cheap()
    assert passwords.hash("correct horse") != passwords.hash("correct horse")


def test_the_number_of_concurrent_hashes_is_bounded_and_the_rest_time_out(monkeypatch):
    monkeypatch.setattr(module, "WAIT_MAX_S", 0.01)
    passwords, release, turned_away = cheap(), Event(), list[str]()

    def slow(*_):
        release.wait(10)
        return "hash"

    monkeypatch.setattr(type(passwords._hasher), "hash", slow)

    def ask(_):
        try:
            return passwords.hash("correct horse")
        except Unavailable as error:
            turned_away.append(error.code)
            if len(turned_away) == 3:
                release.set()
            return error.code

    said = at_once(module.AT_ONCE_MAX + 3, ask)
    assert sorted(said) == ["hash"] * module.AT_ONCE_MAX + ["unavailable"] * 3


def test_one_core_stays_free_for_payments():
    assert max(1, module.CORES - 1) == module.AT_ONCE_MAX


def test_a_full_queue_of_hashes_refuses_at_once(monkeypatch):
    monkeypatch.setattr(module, "WAITING_MAX", 0)
    passwords, release, turned_away = cheap(), Event(), list[float]()
    monkeypatch.setattr(type(passwords._hasher), "hash", lambda *_: release.wait(10) and "hash")

    def ask(_):
        began_s = monotonic()
        try:
            return passwords.hash("correct horse")
        except Unavailable as error:
            turned_away.append(monotonic() - began_s)
            if len(turned_away) == 3:
                release.set()
            return error.code

    said = at_once(module.AT_ONCE_MAX + 3, ask)
    assert sorted(said) == ["hash"] * module.AT_ONCE_MAX + ["unavailable"] * 3
    assert max(turned_away) < module.WAIT_MAX_S / 2


def test_a_lack_of_memory_is_no_wrong_password(monkeypatch):
    passwords = cheap()
    digest = passwords.hash("correct horse")

    class Short:
        @staticmethod
        def hash(_password):
            raise HashingError("Memory allocation error")

        @staticmethod
        def verify(_hash, _password):
            raise VerificationError("Memory allocation error")

    monkeypatch.setattr(passwords, "_hasher", Short())
    for call in (lambda: passwords.verify("correct horse", digest), lambda: passwords.hash("x")):
        with pytest.raises(Unavailable, match="Memory"):
            call()
