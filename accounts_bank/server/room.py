"""Room for work: memory, threads and file descriptors that the system still gives this process.

Python answers a lack of memory by MemoryError. granian's Rust ends the process, or one of its
threads, which then answers nothing. The gateway therefore asks for room before granian needs it.
"""

import errno
import os
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from threading import Event, Thread

START_BYTES = 64 * 1024 * 1024
BODY_BYTES = 32 * 1024 * 1024
"""The memory that must be free at the start, and for a request with a large body."""
START_THREADS = 8
START_DESCRIPTORS = 32

ADVICE = (
    "The bank cannot start, because the system gives it too little: {lack}. "
    "Raise the limits (`ulimit -v`, `-d`, `-u`, `-n`), or use fewer --workers."
)


def require_memory(size: int) -> None:
    """Reserve memory for a moment; no page of it is touched.

    :param size: in bytes.
    :raises MemoryError: the system does not give it.
    """
    try:
        mmap(-1, size, flags=MAP_PRIVATE | MAP_ANONYMOUS).close()
    except OSError as error:
        raise MemoryError from error


def require_room() -> None:
    """Reserve, for a moment, the room without which a bank fails at its first requests.

    :raises MemoryError: too little memory.
    :raises RuntimeError: too few threads.
    :raises OSError: too few file descriptors.
    """
    require_memory(START_BYTES)
    _require_threads()
    _require_descriptors()


def _require_threads() -> None:
    over = Event()
    try:
        for _ in range(START_THREADS):
            Thread(target=over.wait, daemon=True).start()
    finally:
        over.set()


def _require_descriptors() -> None:
    opened: list[int] = []
    try:
        while len(opened) < START_DESCRIPTORS:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    finally:
        for each in opened:
            os.close(each)


def lack(error: BaseException) -> str:
    """Name the resource that an error is about; `is_shortage` is true of the error."""
    if isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}:
        return "no file descriptors"
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "no room on a disk"
    return "no threads, or no memory for them" if isinstance(error, RuntimeError) else "no memory"
