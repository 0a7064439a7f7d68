"""The calls that a bank makes to the disk, in their order, as strace sees them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.programs import program
from tests.waiting import within

CALLS = "openat,write,pwrite64,ftruncate,fsync,fdatasync,msync,rename,renameat,renameat2,mkdir"
TRACE = Path("calls.trace")
TRACE_TIMEOUT_S = 120
_OPENED = re.compile(r'openat\(.*?, "(?P<path>[^"]+)", (?P<flags>[A-Z_|]+).*<(?P<real>/[^>]*)>$')
_ON_FILE = re.compile(r"(?P<name>\w+)\(\d+<(?P<path>/[^>]*)>")
_RENAMED = re.compile(r'rename\w*\(.*?"(?P<old>[^"]+)", .*?"(?P<path>[^"]+)"')


class Call(NamedTuple):
    """One call: `created` and `renamed` name the new path, `written` and `synced` their file."""

    does: str
    path: Path


def traced(*command: str | Path) -> list[str | Path]:
    """Return the command that writes `TRACE`; it keeps its process id and gets signals itself.

    strace has a session of its own, so that the end of the command's group lets it finish.
    """
    return [program("strace"), "-DDD", "-f", "-y", "-q", f"-etrace={CALLS}", f"-o{TRACE}", *command]


def calls(process: int) -> Iterator[Call]:
    """Wait for the end of a process; yield the calls on files, without those that failed."""
    end = re.compile(rf"^{process} +\+\+\+ exited", re.MULTILINE)  # short ids are padded
    assert within(TRACE_TIMEOUT_S, lambda: end.search(TRACE.read_text(errors="replace")))
    for line in _whole_lines(TRACE.read_text(errors="replace").splitlines()):
        if found := _OPENED.search(line):
            if "O_CREAT" in found["flags"]:
                yield Call("created", Path(found["real"]))
        elif " = -1 " in line:
            continue
        elif found := _RENAMED.search(line):
            yield Call("renamed", Path.cwd() / found["path"])
        elif found := _ON_FILE.search(line):
            is_sync = "sync" in found["name"]
            yield Call("synced" if is_sync else "written", Path(found["path"]))


def _whole_lines(lines: list[str]) -> Iterator[str]:
    """Join calls that another thread interrupted; they count where they end."""
    begun: dict[str, str] = {}
    for line in lines:
        thread, _, padded = line.partition(" ")
        text = padded.lstrip()
        if text.endswith("<unfinished ...>"):
            begun[thread] = text.removesuffix("<unfinished ...>")
        elif "resumed>" in text:
            yield begun.pop(thread, "") + text.partition("resumed>")[2]
        else:
            yield text
