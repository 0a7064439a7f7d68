"""`accounts verify` holds the audit log against the journal, in each store that lasts."""

from pathlib import Path

import msgspec
import pytest

from accounts_bank.audit.chain import Head, chain, seal
from accounts_bank.audit.log import head_path_of, key_path_of
from accounts_bank.audit.records import record_of
from tests.stores.altered import MongoBank, SqlBank

LOG = Path("audit.log")


@pytest.fixture(params=["sqlite", "postgres", "mongo"])
def altered(request, new_database):
    database = new_database(request.param)
    bank: MongoBank | SqlBank
    if request.param == "mongo":
        bank = MongoBank(database, request.getfixturevalue("mongo").url("bank_0"))
    else:
        bank = SqlBank(database)
    assert bank.fault() is None
    yield bank
    bank.close()


def lines() -> list[str]:
    return LOG.read_text().splitlines(keepends=True)


def place_of(entry_id: str) -> int:
    return next(number for number, line in enumerate(lines()) if f'"id":"{entry_id}"' in line)


def test_accounts_verify_exits_with_1_and_names_the_fault(altered):
    assert altered.verified() == (0, "The books are right.")
    altered.books.send("ada", "bob", 1, entry_id="unheard")
    altered.unhear("unheard")
    code, said = altered.verified()
    assert code == 1
    assert said.startswith("The books are wrong: the audit log lacks entries of the journal")


def test_an_entry_that_the_audit_log_never_heard_of_is_found(altered):
    altered.books.send("ada", "bob", 1, entry_id="unheard")
    altered.unhear("unheard")
    assert "1 are missing" in altered.fault()


def test_a_line_of_the_audit_log_that_is_altered_is_found(altered):
    LOG.write_text(LOG.read_text().replace("funds_insufficient", "account_frozen____"))
    assert "was altered after it was written" in altered.fault()


def test_a_line_that_is_cut_out_of_the_audit_log_is_found(altered):
    kept, place = lines(), place_of("sent-20")
    LOG.write_text("".join(kept[:place] + kept[place + 1 :]))
    assert f"has the number {place + 2} where {place + 1} belongs" in altered.fault()


def test_a_line_that_is_cut_off_the_audit_log_is_found(altered):
    LOG.write_text("".join(lines()[:-1]))
    assert "the end is cut: lines 13 to 13 are missing" in altered.fault()


def test_a_line_that_is_put_into_the_audit_log_is_found(altered):
    LOG.write_text("".join([*lines(), lines()[-1].replace('"number":13', '"number":14')]))
    assert "line 14 does not follow the line before it" in altered.fault()


def rewritten(left_out: str) -> None:
    """Chain all but one line anew, as only who has the key can."""
    key, head, text = key_path_of(LOG).read_bytes(), Head(), ""
    for line in lines():
        record = msgspec.json.decode(line)
        for name in ("number", "previous_hash", "hash"):
            del record[name]
        if record["id"] != left_out:
            new, head = chain(key, head, record)
            text += f"{new.decode()}\n"
    LOG.write_text(text)
    head_path_of(LOG).write_bytes(msgspec.json.encode(seal(key, head)).ljust(511) + b"\n")


def test_a_log_that_was_chained_anew_without_a_line_differs_from_the_journal(altered):
    rewritten(left_out="nothing")
    assert altered.fault() is None
    rewritten(left_out="sent-20")
    assert "1 are missing" in altered.fault()


def test_a_line_about_nothing_that_is_in_the_journal_is_found(altered):
    record = record_of(altered.store.entry("sent-20"))
    altered.log.append([record | {"id": "made-up"}])
    assert "has entry made-up, which is not in the journal" in altered.fault()


def test_a_line_that_says_something_twice_is_found(altered):
    altered.log.append([record_of(altered.store.entry("sent-20"))])
    assert "holds an entry twice" in altered.fault()


def test_a_line_that_says_something_else_is_found(altered):
    record = record_of(altered.store.entry("sent-20"))
    altered.log.append([record | {"outcome": "account_frozen"}])
    assert "and the journal differ about entry sent-20" in altered.fault()


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
