"""Verification finds each alteration of the audit log and names it."""

import hashlib
import hmac
import json
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts_bank.audit.log import verify_files

LINES = 6


@pytest.fixture
def written(log):
    """Write a log of six lines; copy the head after three of them."""
    log.append({"event": "opened", "note": n} for n in range(3))
    shutil.copy("audit.log.head", "old.head")
    log.append({"event": "opened", "note": n} for n in range(3, LINES))
    log.close()
    return log


def fault(*paths: str) -> str | None:
    return verify_files([Path(path) for path in paths or ("audit.log",)])[1]


def lines() -> list[bytes]:
    return Path("audit.log").read_bytes().splitlines(keepends=True)


def write(changed: list[bytes]) -> None:
    Path("audit.log").write_bytes(b"".join(changed))


def rechained(changed: list[bytes]) -> list[bytes]:
    """Mend the chain as an attacker without the key can."""
    mended, previous = [], ""
    for number, line in enumerate(changed, 1):
        record = json.loads(line)
        record |= {"number": number, "previous_hash": previous}
        del record["hash"]
        body = json.dumps(record, separators=(",", ":"))[:-1]
        previous = hashlib.sha256(body.encode()).hexdigest()
        mended.append(f'{body},"hash":"{previous}"}}\n'.encode())
    return mended


def test_an_untouched_log_is_valid(written):
    assert verify_files([Path("audit.log")]) == (LINES, None)
    records = [json.loads(line) for line in lines()]
    assert [record["number"] for record in records] == list(range(1, LINES + 1))
    assert records[0]["previous_hash"] == ""
    assert all(a["hash"] == b["previous_hash"] for a, b in pairwise(records))


TAMPERING = {
    "edited": (
        lambda old: [old[0], old[1].replace(b'"note":1', b'"note":9'), *old[2:]],
        "line 2 was",
    ),
    "first deleted": (lambda old: old[1:], "line 1 has the number 2 where 1 belongs"),
    "one deleted": (lambda old: old[:2] + old[3:], "line 3 has the number 4 where 3 belongs"),
    "last deleted": (lambda old: old[:-1], "the end is cut: lines 6 to 6 are missing"),
    "all deleted": (lambda _: [], "the end is cut: lines 1 to 6 are missing"),
    "doubled": (lambda old: [*old[:2], old[1], *old[2:]], "line 3 has the number 2"),
    "swapped": (lambda old: [old[0], old[2], old[1], *old[3:]], "line 2 has the number 3"),
    "cut in a line": (lambda old: [*old[:-1], old[-1][:-5]], "line 6 is cut short"),
    "no line feed": (lambda old: [*old[:-1], old[-1][:-1]], "line 6 is cut short"),
    "inserted": (lambda old: [*old[:2], b'{"number":3,"event":"x"}\n', *old[2:]], "line 3 is not"),
    "blank line": (lambda old: [*old[:2], b"\n", *old[2:]], "line 3 is not a line"),
    "garbage": (lambda old: [*old[:2], b"\xff\xfe\n", *old[3:]], "line 3 is not a line"),
    "hash of another": (
        lambda old: [*old[:2], old[2].replace(old[2][-67:], old[1][-67:]), *old[3:]],
        "line 3 was altered",
    ),
    "blank in it": (lambda old: [old[0], old[1].replace(b":", b": ", 1), *old[2:]], "line 2 was"),
    "rechained": (lambda old: rechained([old[0], *old[2:]]), "line 1 was altered"),
    "appended": (lambda old: [*old, rechained(old)[-1]], "line 7 has the number 6"),
    "very long": (lambda old: [*old[:2], b"a" * 10**6 + b"\n", *old[2:]], "line 3 is not"),
}


@pytest.mark.parametrize("kind", TAMPERING)
def test_tampering_is_found_and_named(written, kind):
    change, expected_fault = TAMPERING[kind]
    write(change(lines()))
    assert expected_fault in fault()


def test_every_flipped_bit_is_found(written):
    whole = Path("audit.log").read_bytes()

    @given(place=st.integers(0, len(whole) - 1), bit=st.integers(0, 7))
    @settings(max_examples=500)
    def flip(place, bit):
        changed = bytearray(whole)
        changed[place] ^= 1 << bit
        Path("audit.log").write_bytes(changed)
        assert fault()

    flip()


def test_a_missing_or_altered_head_is_a_fault(written):
    head = Path("audit.log.head")
    whole = head.read_bytes()
    head.unlink()
    assert "the head is missing" in fault()
    for changed in (whole.replace(b'"number":6', b'"number":5'), b"\xff" * 512, b"{}".ljust(512)):
        head.write_bytes(changed)
        assert "the head was altered" in fault()
    shutil.copy("old.head", head)
    assert fault() == "the head is too old: it ends at line 3"
    write(lines()[:3])
    assert fault() is None  # an old head with an old log is valid: only a copy elsewhere shows it


def test_another_key_is_a_fault(written):
    Path("audit.log.key").write_bytes(b"k" * 32)
    assert "line 1 was altered" in fault()


def test_an_empty_log_without_a_head_is_valid(log):
    Path("audit.log.head").unlink()
    assert verify_files([Path("audit.log")]) == (0, None)


def test_parts_of_a_rotated_log_are_one_chain(open_log):
    log = open_log()
    for part in ("audit.log.2", "audit.log.1", None):
        log.append([{"event": "a"}, {"event": "b"}])
        if part:
            Path("audit.log").rename(part)
    assert fault("audit.log.2", "audit.log.1", "audit.log") is None
    assert "line 3 has the number 5" in fault("audit.log.2", "audit.log")
    assert "line 1 has the number 3" in fault("audit.log.1", "audit.log")
    assert "line 1 has the number 5" in fault("audit.log")


@pytest.mark.parametrize("key_bytes", [32, 64, 65, 200])
def test_a_line_is_sealed_by_hmac_sha_256_of_all_bytes_before_its_hash(open_log, key_bytes):
    key = bytes(range(key_bytes))
    Path("some.key").write_bytes(key)
    open_log(key="some.key").append([{"event": "opened"}])
    body, _, line_end = Path("audit.log").read_bytes().partition(b',"hash":')
    assert json.loads(line_end[:-2]) == hmac.digest(key, body, "sha256").hex()
