"""`accounts verify` and each start compare the audit log with each durable store."""

import os
import subprocess
from contextlib import closing
from copy import copy
from pathlib import Path

import msgspec
import pytest

from accounts_bank.audit.chain import FIRST_EVENT, Head, seal, step, with_seal
from accounts_bank.audit.files import head_path_of, key_path_of
from accounts_bank.errors import SettingsError
from tests.stores.altered import MongoBank, SqlBank
from tests.system.servers import ACCOUNTS

LOG = Path("audit.log")


@pytest.fixture(params=["sqlite", "postgres", "mongo"])
def altered(request, new_database):
    database = new_database(request.param)
    bank: MongoBank | SqlBank
    if request.param == "mongo":
        bank = MongoBank(database, request.getfixturevalue("mongo").url("bank_0"))
    else:
        bank = SqlBank(database)
    with closing(bank):
        assert bank.fault() is None
        yield bank


def lines() -> list[str]:
    """Read the lines of the log but the first, which names the bank."""
    return LOG.read_text().splitlines(keepends=True)[1:]


def change(changed: list[str]) -> None:
    first = LOG.read_text().splitlines(keepends=True)[0]
    LOG.write_text("".join([first, *changed]))


def place_of(entry_id: str) -> int:
    return next(number for number, line in enumerate(lines()) if f'"id":"{entry_id}"' in line)


def test_accounts_verify_exits_with_1_and_names_the_fault(altered):
    assert altered.verified() == (0, "The books are right.")
    altered.books.send("ada", "bob", 1, entry_id="unheard")
    altered.unhear("unheard")
    code, said = altered.verified()
    assert code == 1
    assert said.startswith("The books are wrong: the journal lacks the numbers of entries")


def test_an_entry_without_a_number_is_found(altered):
    altered.books.send("ada", "bob", 1, entry_id="unheard")
    altered.unhear("unheard")
    assert "1 are missing" in altered.fault()


def test_a_line_of_the_audit_log_that_is_altered_is_found(altered):
    LOG.write_text(LOG.read_text().replace("funds_insufficient", "account_frozen____"))
    assert "was altered after it was written" in altered.fault()


def test_a_line_that_is_cut_out_of_the_audit_log_is_found(altered):
    place = place_of("sent-20")
    kept = lines()
    change([*kept[:place], *kept[place + 1 :], "\n"])
    assert f"has the number {place + 2} where {place + 1} belongs" in altered.fault()


def test_a_line_that_is_cut_off_the_audit_log_is_found(altered):
    change(lines()[:-1])
    assert "the end is cut: lines 13 to 13 are missing" in altered.fault()
    assert altered.sealer.failing


def test_a_line_that_is_put_into_the_audit_log_is_found(altered):
    change([*lines(), lines()[-1].replace('"number":13', '"number":14')])
    assert "line 14 does not follow the line before it" in altered.fault()


def rewritten(changes: dict[str, object], entry_id: str) -> None:
    """Change a line and seal the log anew, as a holder of the key can."""
    key, head, text = key_path_of(LOG).read_bytes(), Head(), b""
    names = "", ""
    for line in LOG.read_bytes().splitlines():
        record = msgspec.json.decode(line)
        del record["seal"]
        if record.get("id") == entry_id:
            record |= changes
        new = with_seal(key, msgspec.json.encode(record))
        head = step(head, new)
        text += new + b"\n"
        if record["event"] == FIRST_EVENT:
            names = record["bank_id"], record["log_id"]
    LOG.write_bytes(text)
    head = Head(head.number, head.hash, len(text), bank_id=names[0], log_id=names[1])
    head_path_of(LOG).write_bytes(msgspec.json.encode(seal(key, head)).ljust(511) + b"\n")


def test_a_line_that_says_something_else_is_found(altered):
    altered.sealer.close()
    rewritten({}, "sent-20")
    altered.open()
    assert altered.fault() is None
    altered.sealer.close()
    rewritten({"outcome": "account_frozen"}, "sent-20")
    altered.open()
    assert "and the journal differ about transfer sent-20" in altered.fault()


def test_a_line_with_another_hash_is_refused_at_the_start(altered):
    altered.sealer.close()
    rewritten({"hash": "0" * 64}, "planned")
    with pytest.raises(SettingsError, match="line 13 and the store differ"):
        altered.open()


def test_a_log_without_its_first_part_is_compared_from_its_start(altered):
    LOG.rename("old.log")
    altered.books.send("ada", "bob", 1)
    assert altered.fault() is None


def test_rotated_parts_beside_the_log_are_proven_with_it(altered):
    LOG.rename("audit.log.1")
    altered.books.send("ada", "bob", 1)
    report = altered.verifier.verify()
    assert (report.ok, report.audit_lines) == (True, 14)
    Path("audit.log.1").write_text("")
    assert altered.verifier.verify().ok


def kept() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (LOG, head_path_of(LOG))}


def put_back(files: dict[Path, bytes]) -> None:
    for path, content in files.items():
        path.write_bytes(content)


def refused(bank: MongoBank | SqlBank) -> str:
    """Stop a bank; say why it does not start again."""
    bank.sealer.close()
    with pytest.raises(SettingsError) as found:
        bank.open()
    return str(found.value)


def test_a_cut_end_without_a_head_does_not_start(altered):
    altered.sealer.close()
    change(lines()[:-1])
    head_path_of(LOG).unlink()
    with pytest.raises(SettingsError, match=r"audit.log.head .*missing or empty"):
        altered.open()


def test_a_missing_log_and_head_beside_a_key_do_not_start(altered):
    altered.sealer.close()
    LOG.unlink()
    head_path_of(LOG).unlink()
    with pytest.raises(SettingsError, match=r"audit.log.key is there"):
        altered.open()


def test_an_older_log_with_its_head_does_not_start(altered):
    older = kept()
    altered.books.send("ada", "bob", 1)
    altered.sealer.close()
    put_back(older)
    with pytest.raises(SettingsError, match="it ends at line 13, and had 14 lines: it was cut or"):
        altered.open()


def test_an_older_log_with_its_head_is_found_while_the_bank_runs(altered):
    older = kept()
    altered.books.send("ada", "bob", 1)
    altered.sealer.seal()
    put_back(older)
    altered.sealer.seal()
    assert altered.sealer.failing
    assert "it ends at line 13, and had 14 lines: it was cut or rolled back" in altered.fault()


def test_accounts_audit_verify_compares_the_log_with_the_store(altered):
    older = kept()
    altered.books.send("ada", "bob", 1)
    altered.sealer.close()
    url = {"ACCOUNTS_STORE_URL": altered.url}
    assert audit_verified(url) == (0, "The audit log is whole: 14 lines.")
    put_back(older)
    fault = "it ends at line 13, and had 14 lines: it was cut or rolled back"
    said = f"The audit log is not whole: {fault}. Right before that: 13 lines."
    assert audit_verified(url) == (1, said)


def audit_verified(environment: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        [ACCOUNTS, "audit", "verify"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, (done.stdout.splitlines() or [done.stderr])[-1]


@pytest.mark.parametrize("content", [bytes(512), b"", b"{}"])
def test_an_overwritten_head_is_found_while_the_bank_runs(altered, caplog, content):
    with head_path_of(LOG).open("r+b") as file:
        file.write(content.ljust(512, b"\0"))
    altered.sealer.seal()
    assert altered.sealer.failing
    assert [each.levelname for each in caplog.records if "unwritable" in each.message] == ["ERROR"]
    assert altered.fault() is not None


def test_a_removed_head_is_found_while_the_bank_runs(altered):
    head_path_of(LOG).unlink()
    altered.sealer.seal()
    assert altered.sealer.failing


def test_a_roll_back_after_a_rotation_does_not_start(altered):
    older = kept()
    LOG.rename("audit.log.1")
    for number in range(3):
        altered.books.send("ada", "bob", number + 1)
    altered.sealer.close()
    LOG.unlink()
    put_back({head_path_of(LOG): older[head_path_of(LOG)]})
    with pytest.raises(SettingsError, match="it ends at line 13, and had 16 lines"):
        altered.open()


def test_a_log_without_its_newest_lines_does_not_start(altered):
    altered.sealer.close()
    LOG.write_bytes(b"")
    with pytest.raises(SettingsError, match="its last line is 0, and its head says 13"):
        altered.open()


def test_a_log_that_was_rotated_while_the_bank_was_stopped_starts(altered):
    altered.sealer.close()
    LOG.rename("audit.log.1")
    altered.open()
    altered.books.send("ada", "bob", 1)
    assert altered.fault() is None


def test_a_log_of_another_bank_is_refused(altered, tmp_path):
    altered.sealer.close()
    altered.journal.restore_head("another bank", altered.journal.head(), {})
    with pytest.raises(SettingsError, match="is the audit log of another bank"):
        altered.open()
    for path in tmp_path.glob("audit.log*"):
        path.unlink()
    altered.open()
    assert len(lines()) == 0
    assert altered.fault() is None
    assert len(lines()) == 13  # a new log is written from the store


def test_two_hosts_write_logs_of_their_own_with_the_same_lines(altered, monkeypatch):
    Path("host").mkdir()
    monkeypatch.chdir("host")
    there = copy(altered)
    there.open()
    altered.books.send("ada", "bob", 1)
    for bank in (altered, there):
        assert bank.fault() is None
    ours, theirs = (
        [msgspec.json.decode(line) | {"seal": ""} for line in path.read_bytes().splitlines()[1:]]
        for path in (altered.log.path, there.log.path)
    )
    assert ours == theirs
    assert len(ours) == 14
    there.sealer.close()
