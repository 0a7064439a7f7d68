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
from msgspec.structs import asdict

from accounts_bank.audit.chain import Head, seal
from accounts_bank.audit.files import verify_files
from tests.audit.writing import write

LINES = 6


@pytest.fixture
def written(log):
    """Write a log of six lines; copy the head after three of them."""
    write(log, *(f"opened{n}" for n in range(3)))
    shutil.copy("audit.log.head", "old.head")
    write(log, *(f"opened{n}" for n in range(3, LINES)))
    log.close()
    return log


def fault(*paths: str) -> str | None:
    return verify_files([Path(path) for path in paths or ("audit.log",)])[1]


def lines() -> list[bytes]:
    """Read the lines of the log but the first, which names the bank."""
    return Path("audit.log").read_bytes().splitlines(keepends=True)[1:]


def change(changed: list[bytes]) -> None:
    first = Path("audit.log").read_bytes().splitlines(keepends=True)[0]
    Path("audit.log").write_bytes(b"".join([first, *changed]))


def rechained(changed: list[bytes]) -> list[bytes]:
    """Mend the chain as an attacker without the key can."""
    mended, previous = [], ""
    for number, line in enumerate(changed, 1):
        record = json.loads(line)
        record |= {"number": number, "previous_hash": previous}
        del record["seal"]
        previous = record["hash"]
        body = json.dumps(record, separators=(",", ":"))[:-1]
        sealed = hashlib.sha256(body.encode()).hexdigest()
        mended.append(f'{body},"seal":"{sealed}"}}\n'.encode())
    return mended


def test_an_untouched_log_is_valid(written):
    assert verify_files([Path("audit.log")]) == (LINES, None)
    records = [json.loads(line) for line in lines()]
    assert [record["number"] for record in records] == list(range(1, LINES + 1))
    assert records[0]["previous_hash"] == ""
    assert all(a["hash"] == b["previous_hash"] for a, b in pairwise(records))


TAMPERING = {
    "edited": (
        lambda old: [old[0], old[1].replace(b"opened1", b"opened9"), *old[2:]],
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
    "seal of another": (
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
    tamper, expected_fault = TAMPERING[kind]
    change(tamper(lines()))
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
    change(lines()[:3])
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
        write(log, "a", "b")
        if part:
            Path("audit.log").rename(part)
    assert fault("audit.log.2", "audit.log.1", "audit.log") is None
    assert "line 3 has the number 5" in fault("audit.log.2", "audit.log")
    assert "line 1 has the number 3" in fault("audit.log.1", "audit.log")
    assert "line 1 has the number 5" in fault("audit.log")


@pytest.mark.parametrize("key_bytes", [32, 64, 65, 200])
def test_a_line_is_sealed_by_hmac_sha_256_of_all_bytes_before_its_seal(open_log, key_bytes):
    key = bytes(range(key_bytes))
    Path("some.key").write_bytes(key)
    write(open_log(key="some.key"), "opened")
    for line in Path("audit.log").read_bytes().splitlines(keepends=True):
        body, _, line_end = line.partition(b',"seal":')
        assert json.loads(line_end[:-2]) == hmac.digest(key, body, "sha256").hex()


def test_lines_of_version_0_1_are_valid_before_newer_ones(open_log):
    """Their hash is the HMAC of all bytes before it."""
    log, key = open_log(), Path("audit.log.key").read_bytes()
    body = b'{"number":1,"event":"opened","previous_hash":""'
    old_hash = hmac.digest(key, body, "sha256").hex()
    old = b'%b,"hash":"%b"}\n' % (body, old_hash.encode())
    Path("audit.log").write_bytes(old)
    head = Head(1, old_hash, len(old), settled=False)
    encoded = json.dumps(asdict(seal(key, head))).encode()
    log.close()
    Path("audit.log.head").write_bytes(encoded.ljust(512))
    write(open_log(), "newer")
    assert verify_files([Path("audit.log")]) == (2, None)
    Path("audit.log").write_bytes(Path("audit.log").read_bytes().replace(b"opened", b"closed"))
    assert fault() == "line 1 was altered after it was written"
