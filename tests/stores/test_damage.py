"""A damaged database is refused: at the start, and from the first fault on."""

import logging
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from accounts_bank.errors import Damaged, SettingsError
from accounts_bank.ledger.decide import decide
from accounts_bank.stores.sql import Database, SqlAccountStore, SqlUserStore
from accounts_bank.stores.wrappers.group_commit import GroupCommit
from tests.postgres import Postgres
from tests.stores.books import Books

PAGE_BYTES = 4096
PAYMENTS = 30
SENTENCE = r"The file is damaged: restore a backup\. bank\.db: "
FILE = Path("bank.db")


def opened() -> Database:
    return Database(f"sqlite:///{FILE}")


def filled(database: Database) -> Books:
    books = Books(GroupCommit(SqlAccountStore(database, decide)))
    books.given(ada=10_000, bob=0)
    for number in range(PAYMENTS):
        books.send("ada", "bob", 1, entry_id=f"{number:036}")
    return books


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """Make the file of a bank that ended in order."""
    path = tmp_path_factory.mktemp("whole") / "bank.db"
    database = Database(f"sqlite:///{path}")
    filled(database)
    database.close()
    return path


@pytest.fixture
def bank_file(whole) -> Path:
    """Put a copy of that file into the test's folder, without its mark."""
    return Path(shutil.copy(whole, FILE))


def overwritten(path: Path, offset: int, text: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(text)


def is_refused(fault: str = "") -> None:
    with pytest.raises(SettingsError, match=SENTENCE + fault):
        opened()


CUTS: dict[str, Callable[[int], int]] = {
    "at half": lambda size: size // 2 // PAGE_BYTES * PAGE_BYTES,
    "within a page": lambda size: size - 1000,
    "the last page": lambda size: size - PAGE_BYTES,
    "to the first page": lambda _size: PAGE_BYTES,
    "within the header": lambda _size: 150,
}


@pytest.mark.parametrize("cut", CUTS)
def test_a_file_that_was_cut_is_refused(bank_file, cut):
    os.truncate(bank_file, CUTS[cut](bank_file.stat().st_size))
    is_refused("(it has .* bytes, and its header counts|file is not a database)")


def test_a_file_that_was_emptied_is_refused(bank_file):
    opened().close()
    os.truncate(bank_file, 0)
    is_refused("it has 0 bytes, and it held a bank")


def free_pages(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA freelist_count").fetchone()[0])


@pytest.mark.parametrize("text", [bytes(PAGE_BYTES), b"\xa5" * PAGE_BYTES])
def test_a_page_that_was_overwritten_is_found_wherever_it_is(bank_file, whole, text):
    assert free_pages(whole) == 0
    for offset in range(0, whole.stat().st_size, PAGE_BYTES):
        shutil.copy(whole, bank_file)
        overwritten(bank_file, offset, text)
        is_refused()


def test_a_file_that_was_altered_after_its_end_is_checked_and_another_is_not(bank_file):
    opened().close()
    times = bank_file.stat().st_atime_ns, bank_file.stat().st_mtime_ns
    overwritten(bank_file, 5 * PAGE_BYTES, bytes(PAGE_BYTES))
    is_refused(".*[Pp]age 6")
    os.utime(bank_file, ns=times)
    opened().close()  # it looks as it was left, and costs no check


@pytest.mark.parametrize("text", [b"SQLite format 4\0", bytes(100), b"a text of some length\n" * 5])
def test_a_wrong_header_is_refused(bank_file, text):
    overwritten(bank_file, 0, text)
    is_refused("file is not a database")


def test_a_log_that_appears_after_an_end_in_order_is_refused(bank_file):
    database = opened()
    filled(database)
    shutil.copy("bank.db-wal", "earlier")
    database.close()
    shutil.copy("earlier", "bank.db-wal")
    is_refused(r"bank\.db-wal does not belong to it")
    Path("bank.db-wal").unlink()
    opened().close()


def test_an_end_that_was_not_in_order_leads_to_a_check(bank_file):
    opened().close()
    times = bank_file.stat().st_atime_ns, bank_file.stat().st_mtime_ns
    overwritten(bank_file, 5 * PAGE_BYTES, bytes(PAGE_BYTES))
    os.utime(bank_file, ns=times)
    Path("bank.db-use").write_bytes(b"in use")  # as a killed process leaves it
    is_refused(".*[Pp]age 6")


def test_a_second_process_waits_for_no_check(bank_file):
    with closing(opened()):
        assert Path("bank.db-use").read_bytes().startswith(b"in use ")
        opened().close()
        assert Path("bank.db-use").read_bytes().startswith(b"in use")  # the first one still has it
    assert Path("bank.db-use").read_bytes().startswith(b"left ")


def damaged_at_rest(path: Path, *databases: Database) -> None:
    """Overwrite all pages but the first, as a broken disk does, while banks have the file open."""
    for database in databases:
        database.engine.dispose()  # their caches would hide it for a while
    overwritten(path, PAGE_BYTES, bytes(path.stat().st_size - PAGE_BYTES))


def test_from_the_first_fault_on_every_process_refuses_every_call(bank_file, caplog):
    one, other = opened(), opened()
    books, users = Books(SqlAccountStore(one, decide)), SqlUserStore(other)
    assert users.users(("nobody",)) == {}
    damaged_at_rest(bank_file, one, other)
    with caplog.at_level(logging.ERROR, "accounts_bank"):
        for _ in range(3):
            with pytest.raises(Damaged, match=f"{SENTENCE}.*malformed"):
                books.given(cyd=1)
        shutil.copy(bank_file, "damaged")
        with pytest.raises(Damaged, match=SENTENCE):
            users.users(("nobody",))
        with pytest.raises(Damaged), SqlAccountStore(one, decide).ledger():
            pass
    assert [record.message for record in caplog.records] == ["database_damaged"] * 2
    one.close()
    other.close()
    is_refused()  # neither of them says that it left the file whole


def test_a_restored_backup_opens_after_a_fault(bank_file, whole):
    database = opened()
    damaged_at_rest(bank_file, database)
    with pytest.raises(Damaged):
        Books(SqlAccountStore(database, decide)).given(cyd=1)
    database.close()
    shutil.copy(whole, bank_file)
    opened().close()


@pytest.mark.parametrize("new", [None, "other.db"])
def test_a_file_that_is_replaced_under_a_running_bank_takes_no_writes(bank_file, new):
    """SQLite would go on with the removed file, which is gone with the process."""
    with closing(opened()) as database:
        shutil.copy(bank_file, "other.db")
        bank_file.unlink()
        if new:
            Path(new).rename(bank_file)
        with pytest.raises(Damaged, match="it was removed or replaced while the bank had it open"):
            Books(SqlAccountStore(database, decide)).given(cyd=1)


@pytest.fixture(scope="module")
def checking_postgres():
    server = Postgres(checksums=True)
    yield server
    server.remove()


@pytest.mark.parametrize(
    ("relation", "block", "text", "fault"),
    [
        ("entries", 0, b"\xa5" * 8192, "invalid page in block 0"),
        ("accounts", 0, b"\xa5" * 100, "invalid page in block 0"),
        ("accounts_pkey", 1, bytes(8192), "unexpected zero page at block 1"),
    ],
)
def test_a_damaged_page_of_postgresql_ends_the_work(
    checking_postgres, relation, block, text, fault
):
    name = f"damaged_{relation}"
    database = Database(checking_postgres.database(name))
    books = filled(database)
    with database.engine.connect() as connection:
        path = connection.exec_driver_sql(f"SELECT pg_relation_filepath('{relation}')").scalar()
    checking_postgres.stop("fast")
    overwritten(checking_postgres.data / str(path), block * 8192, text)
    checking_postgres.start()
    database.engine.dispose()
    for _ in range(2):
        with pytest.raises(Damaged, match=f"The database is damaged: restore a backup.*{fault}"):
            books.send("ada", "bob", 1, entry_id=f"{0:036}")
    database.close()


def killed(bank: Database, folder: Path) -> Path:
    """Copy the files of an open bank, as a kill leaves them; return the database's."""
    folder.mkdir()
    files = [f"bank.db{suffix}" for suffix in ("", "-wal", "-shm", "-use")]
    subprocess.run(["cp", *files, str(folder)], check=True)  # a close here would drop its locks
    assert bank.url.database == "bank.db"
    return folder / "bank.db"


def is_left_damaged(file: Path, fault: str) -> None:
    with pytest.raises(SettingsError, match=f"The file is damaged: .*{fault}"):
        Database(f"sqlite:///{file}")


@pytest.fixture
def two_moments():
    """Give the files that two kills left, the second one after more payments."""
    with closing(opened()) as bank:
        books = filled(bank)
        early = killed(bank, Path("early"))
        for number in range(PAYMENTS, 2 * PAYMENTS):
            books.send("ada", "bob", 1, entry_id=f"{number:036}")
        late = killed(bank, Path("late"))
    return early, late


def log_of(file: Path) -> Path:
    return file.with_name("bank.db-wal")


def test_the_files_of_a_kill_open_by_themselves(two_moments):
    lines = []
    for file in two_moments:
        with closing(Database(f"sqlite:///{file}")) as bank:
            lines.append(bank.rows(text("SELECT count(*) AS lines FROM lines"))[0].lines)
    assert lines[1] == lines[0] + 2 * PAYMENTS


def test_a_log_that_was_deleted_after_a_kill_is_missed(two_moments):
    _, late = two_moments
    log_of(late).unlink()
    is_left_damaged(late, "bank.db-wal, which has its newest entries, is missing or empty. Put it")
    log_of(late).touch()
    is_left_damaged(late, "bank.db-wal, which has its newest entries, is missing or empty")


def test_a_log_of_an_earlier_moment_is_refused(two_moments):
    early, late = two_moments
    shutil.copy(log_of(early), log_of(late))
    is_left_damaged(late, "bank.db-wal has .* bytes, and had ")


def test_a_log_that_was_cut_is_refused(two_moments):
    _, late = two_moments
    os.truncate(log_of(late), log_of(late).stat().st_size - PAGE_BYTES)
    is_left_damaged(late, "bank.db-wal has .* bytes, and had ")


def test_a_log_of_an_earlier_round_is_refused(bank_file):
    with closing(opened()) as bank:
        books = filled(bank)
        early = killed(bank, Path("early"))
        with bank.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(RESTART)").all()
        books.send("ada", "bob", 1, entry_id=f"{PAYMENTS:036}")
        late = killed(bank, Path("late"))
    assert bank_file.exists()
    early_log = log_of(early).read_bytes()
    log_of(late).write_bytes(early_log)
    is_left_damaged(late, "bank.db-wal is of another moment")


def test_after_a_power_cut_a_log_may_be_newer_than_its_index(two_moments):
    early, late = two_moments
    shutil.copy(early.with_name("bank.db-shm"), late.with_name("bank.db-shm"))
    Database(f"sqlite:///{late}").close()


def test_after_another_start_of_the_machine_the_index_of_a_missing_log_is_not_believed(two_moments):
    _, late = two_moments
    log_of(late).unlink()
    late.with_name("bank.db-use").write_bytes(b"in use another-boot 1.0")
    Database(f"sqlite:///{late}").close()
