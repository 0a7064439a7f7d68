"""The audit log survives several writers, crashes, full disks and rotation."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from accounts_bank.audit.files import verify_files
from accounts_bank.errors import SettingsError
from tests.audit.writing import write
from tests.gates.test_root_names import ROOT
from tests.stores.books import at_once

WRITER = """
import sys
from tests.audit.writing import opened, write
log = opened()
for turn in range(int(sys.argv[2])):
    write(log, f"{sys.argv[1]} {turn}", f"{sys.argv[1]} {turn}")
    print(turn, flush=True)
"""


def writer(name: str, turns: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, name, str(turns)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def records(path="audit.log") -> list[dict]:
    """Read the lines of a log but the one that names the bank."""
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return [line for line in lines if line["number"]]


def is_whole(*paths: str) -> bool:
    count, fault = verify_files([Path(path) for path in paths or ("audit.log",)])
    assert fault is None
    return count > 0


def test_processes_and_threads_write_one_chain(open_log):
    processes = [writer(name, 100) for name in "xyz"]
    log = open_log()

    def act(number: int) -> None:
        for turn in range(50):
            write(log, f"{number} {turn}")

    at_once(4, act)
    for process in processes:
        process.communicate(timeout=30)
        assert process.returncode == 0
    assert is_whole()
    written = [record["event"] for record in records()]
    assert len(written) == 3 * 200 + 4 * 50
    assert len(set(written)) == 3 * 100 + 4 * 50


def test_the_log_continues_after_a_writer_was_killed(open_log):
    for _ in range(3):
        process = writer("x", 10**6)
        while int(process.stdout.readline()) < 50:
            pass
        process.kill()
        process.communicate()
    write(open_log(), "after")
    assert is_whole()
    assert records()[-1]["event"] == "after"


def test_a_torn_line_is_cut_off_by_the_next_writer(log, open_log):
    write(log, "a")
    with Path("audit.log").open("ab") as file:
        file.write(b'{"number":2,"ev')
    assert not Path("audit.log").read_bytes().endswith(b"\n")
    write(open_log(), "b")
    assert is_whole()
    assert [record["event"] for record in records()] == ["a", "b"]


def test_a_head_behind_its_log_catches_up(log, open_log):
    write(log, "a")
    behind = Path("audit.log.head").read_bytes()
    write(log, "b", "c")
    log.close()
    Path("audit.log.head").write_bytes(behind)
    write(open_log(), "d")
    assert is_whole()
    assert [record["event"] for record in records()] == list("abcd")


def test_a_line_without_its_head_is_not_written_twice(log, open_log):
    write(log, "z")
    before = Path("audit.log.head").read_bytes()
    write(log, "a")
    log.close()
    Path("audit.log.head").write_bytes(before)  # ended before it wrote the head
    again = open_log()
    assert again.check().number == 2
    write(again, "b")
    assert [record["event"] for record in records()] == list("zab")
    assert is_whole()


def test_a_forged_line_is_reported_as_tampering(log, open_log, caplog):
    write(log, "a")
    with Path("audit.log").open("ab") as file:
        file.write(b'{"number":2,"previous_hash":"x","hash":"y"}\n')
    write(log, "b")
    assert "audit_log_tampered" in caplog.text
    assert "line 2 does not follow" in verify_files([Path("audit.log")])[1]


def test_a_renamed_log_continues_in_a_new_file(log):
    write(log, "a")
    Path("audit.log").rename("audit.log.1")
    write(log, "b")
    assert is_whole("audit.log.1", "audit.log")
    assert records()[0]["number"] == 2


def test_a_removed_log_is_a_fault(log):
    write(log, "a")
    Path("audit.log").unlink()
    write(log, "b")
    assert "has the number 2 where 1 belongs" in verify_files([Path("audit.log")])[1]


def test_a_short_write_leaves_no_line_behind(log, monkeypatch):
    write(log, "a")
    whole, os_write = Path("audit.log").read_bytes(), os.write

    def short(fd, text):
        return os_write(fd, text[:150])

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OSError, match="cut short"):
        write(log, "b", "c")
    monkeypatch.undo()
    assert Path("audit.log").read_bytes() == whole
    write(log, "b", "c")
    assert is_whole()
    assert [record["event"] for record in records()] == ["a", "b", "c"]


@pytest.fixture
def full_disk(tmp_path):
    """Mount a disk of 64 KiB; skip the test where that is forbidden."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here; the test of a short write covers this")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_the_log_continues_after_a_full_disk(full_disk, open_log):
    log = open_log(str(full_disk / "audit.log"))
    done = 0

    def fill():
        nonlocal done
        while True:
            write(log, "x" * 300)
            done += 1

    with pytest.raises(OSError, match=r"No space left|cut short"):
        fill()
    log_path = full_disk / "audit.log"
    assert verify_files([log_path]) == (done, None)
    log_path.rename(full_disk / "audit.log.1")
    with pytest.raises(SettingsError, match="No space left"):
        open_log(str(full_disk / "other.log"))
    (full_disk / "audit.log.1").unlink()
    write(log, "after")
    assert records(log_path)[0]["number"] == done + 1


def test_the_log_continues_once_its_folder_is_back(open_log):
    log = open_log("logs/audit.log")
    write(log, "a")
    Path("logs").rename("away")
    with pytest.raises(FileNotFoundError):
        write(log, "b")
    Path("away").rename("logs")
    write(log, "b")
    assert is_whole("logs/audit.log")


def test_an_altered_head_stops_the_writer(log):
    write(log, "a")
    text = Path("audit.log.head").read_bytes()
    Path("audit.log.head").write_bytes(text.replace(b'"number":1', b'"number":7'))
    with pytest.raises(OSError, match="altered"):
        write(log, "b")


@pytest.mark.parametrize("name", ["audit.log", "audit.log.head", "audit.log.key"])
def test_a_file_that_cannot_be_opened_is_refused(open_log, name):
    Path(name).mkdir()
    with pytest.raises(SettingsError, match="AUDIT_LOG"):
        open_log()


@pytest.mark.parametrize("key", [None, b"", b"short", b"k" * 32])
def test_a_log_is_refused_under_another_key(log, open_log, key):
    write(log, "a")
    log.close()
    Path("audit.log.key").unlink()
    if key is not None:
        Path("audit.log.key").write_bytes(key)
    with pytest.raises(SettingsError, match="AUDIT_KEY_FILE"):
        open_log()
    assert Path("audit.log.key").exists() == (key is not None)


@pytest.mark.parametrize("text", [b"\xff" * 512, b"garbage", b"{}"])
def test_a_log_with_an_invalid_head_is_refused(log, open_log, text):
    write(log, "a")
    log.close()
    Path("audit.log.head").write_bytes(text)
    with pytest.raises(SettingsError, match=r"\.head"):
        open_log()


@pytest.mark.parametrize("length", [0, 31])
def test_a_key_that_was_emptied_is_told_with_its_remedy(log, open_log, length):
    log.close()
    Path("audit.log.key").write_bytes(bytes(length))
    with pytest.raises(SettingsError, match=f"has {length} bytes.*power cut.*Restore it from a b"):
        open_log()


@pytest.mark.parametrize("size", [0, 512])
def test_a_head_that_was_emptied_is_told_with_its_remedy(log, open_log, size):
    write(log, "a")
    older = Path("audit.log.head").read_bytes()
    write(log, "b")
    log.close()
    Path("audit.log.head").write_bytes(bytes(size))
    with pytest.raises(SettingsError, match=r"audit\.log\.head .*empty.*Restore it from a backup"):
        open_log()
    Path("audit.log.head").write_bytes(older)
    write(open_log(), "c")
    assert is_whole()


def test_a_first_start_that_ended_midway_begins_again(log, open_log):
    """The head is written before the key."""
    log.close()
    Path("audit.log.key").unlink()
    write(open_log(), "a")
    assert is_whole()


def test_a_head_that_a_power_cut_left_behind_is_written_by_the_next_writer(log, open_log):
    behind = Path("audit.log.head").read_bytes()
    write(log, "a")
    log.close()
    Path("audit.log.head").write_bytes(behind)
    with open_log().writing():
        pass  # nothing waits for its seal
    assert is_whole()


def test_only_the_owner_reads_the_key_which_may_lie_elsewhere(open_log):
    log = open_log(key="secret.key")
    write(log, "a")
    assert Path("secret.key").stat().st_mode & 0o777 == 0o600
    assert not Path("audit.log.key").exists()
    assert verify_files([Path("audit.log")], Path("secret.key")) == (1, None)


def test_the_lines_reach_other_handlers_of_the_logger(log, caplog):
    with caplog.at_level(logging.INFO, "audit"):
        logging.getLogger("audit").addHandler(caplog.handler)
        write(log, "a")
        logging.getLogger("audit").removeHandler(caplog.handler)
    assert caplog.messages == Path("audit.log").read_text().splitlines()[1:]


def test_two_logs_in_one_process_stay_separate(open_log):
    one, two = open_log("one.log"), open_log("two.log")
    write(one, "a")
    write(two, "b")
    assert [record["event"] for record in records("one.log")] == ["a"]
    assert [record["event"] for record in records("two.log")] == ["b"]


def test_a_second_close_of_a_log_closes_no_other_file(open_log):
    log = open_log()
    log.close()
    others = [os.open(os.devnull, os.O_RDONLY) for _ in range(10)]  # they take its numbers
    log.close()
    for each in others:
        os.close(each)


def test_a_log_verifies_while_a_writer_is_active(log):
    is_over, faults = Event(), dict[int, str | None]()

    def write_on():
        while not is_over.is_set():
            write(log, "x")

    writer = Thread(target=write_on)
    writer.start()
    while len(faults) < 10:  # ten lengths of the log
        faults.update([verify_files([log.path])])
    is_over.set()
    writer.join()
    assert set(faults.values()) == {None}
