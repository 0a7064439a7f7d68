"""`accounts serve`: the bank behind granian, chosen by measurement (see docs/decisions)."""

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from errno import EACCES, EADDRINUSE
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from functools import partial
from multiprocessing import parent_process
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from threading import Thread
from time import sleep, time
from typing import Any, cast

from flask import Flask
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from accounts_bank.api import create_metrics_app
from accounts_bank.collections.passwords import AT_ONCE_MAX
from accounts_bank.config import Settings
from accounts_bank.errors import ApiError, SettingsError, is_shortage
from accounts_bank.http import traces
from accounts_bank.http.bank import EXTENSION, Bank
from accounts_bank.http.banks import BANKS_EXTENSION
from accounts_bank.http.guard import hashing_matcher
from accounts_bank.logging_config import close_logs
from accounts_bank.observability.counter_files import FOLDER
from accounts_bank.server.gateway import Gateway
from accounts_bank.server.metrics_port import serve_metrics
from accounts_bank.server.respawns import Respawns
from accounts_bank.server.room import ADVICE, lack, require_room

MEMORY_THREADS = 4
DURABLE_THREADS = 32
"""The answering threads of each process. A bank in memory never waits, so more threads would only
take turns. A thread that waits for a database lets other threads run."""

COLLECTED_AFTER = 10_000
"""The number of new objects between two collections of the youngest generation."""

PORT_MAX, WORKERS_MAX = 65_535, 256
CONNECTIONS_MAX = 8_000
CONNECTIONS_WAITING_MAX = 1024
HEAD_MAX_BYTES = 64 * 1024
END_TIMEOUT_S = 60
"""The time that a process has to finish its requests before it is killed."""
PARENT_POLL_S = 0.5
"""The pause between two checks that the first process is alive."""

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - the folder in it is ours alone
NUMBERS = "accounts-numbers-"
LOCKED_AFTER_S = 60
"""The age at which a folder in use is locked for certain."""


def serve_app(settings: Settings, *, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in progress.

    `host` is an address or a name, `port` a TCP port. `workers` is the number of processes.

    :raises SettingsError: the bank cannot be served so; the text says how to mend it.
    """
    _check_numbers(port, workers)
    _check_shared(settings, workers)
    host = host.removeprefix("[").removesuffix("]")
    address = _free_address(host, port)
    _check_metrics_address(settings)
    server = Granian(
        "accounts",
        address=address,
        port=port,
        interface=Interfaces.RSGI,
        workers=workers,
        respawn_failed_workers=workers > 1,
        workers_kill_timeout=settings.DRAIN_S + END_TIMEOUT_S,
        backpressure=CONNECTIONS_MAX,
        backlog=CONNECTIONS_WAITING_MAX,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            # The time from the end of an answer to the end of the next head; granian has no other.
            header_read_timeout=settings.KEEP_ALIVE_S * 1000,
            max_buffer_size=HEAD_MAX_BYTES,
        ),
        websockets=False,
        log_enabled=False,
    )
    server.respawned_wrks = Respawns()  # granian documents no setting for it
    _let_workers_end()
    _pass_on_signals(server)
    with _shared_numbers() if workers > 1 else nullcontext():
        # granian's own loader would put the current folder first on the import path.
        load = partial(worker_app, _announcement(f"Accounts is open on {url_of(host, port)}"))
        server.serve(target_loader=cast("Any", load), wrap_loader=False)


def _check_shared(settings: Settings, workers: int) -> None:
    """Check that the bank can have several processes, where it is to have them."""
    if workers > 1 and not settings.is_durable:
        raise SettingsError(f"{settings.STORE_URL} lives in one process: use --workers 1.")
    if workers > 1 and settings.SANDBOX:
        raise SettingsError("SANDBOX is true: a sandbox has one process. Use --workers 1.")


def _check_metrics_address(settings: Settings) -> None:
    if settings.metrics_listen is not None:
        try:
            _free_address(*settings.metrics_listen)
        except SettingsError:
            raise SettingsError(
                f"METRICS_ADDRESS is {settings.METRICS_ADDRESS}: cannot listen there. Use another."
            ) from None


def url_of(host: str, port: int) -> str:
    """Return the URL of a bank; an IPv6 address stands in brackets (RFC 3986, 3.2.2)."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _check_numbers(port: int, workers: int) -> None:
    for name, number, number_max in (("port", port, PORT_MAX), ("workers", workers, WORKERS_MAX)):
        if not 1 <= number <= number_max:
            message = f"--{name} is {number}: use a number from 1 to {number_max}."
            raise SettingsError(message)


def _announcement(text: str) -> Callable[[], object]:
    """Return a function for the workers; its first call lets this process print a text."""
    reading, writing = os.pipe()

    def announce() -> None:
        os.read(reading, 1)
        print(f"{text} (API: /docs)", file=sys.stderr)  # noqa: T201

    Thread(target=announce, daemon=True).start()
    return partial(os.write, writing, b".")


def _let_workers_end() -> None:
    """Let SIGTERM end a worker before granian has set the worker's own handler.

    A worker inherits the first process's handler, which would let it run forever. The signal is
    blocked during the fork, so that none is lost.
    """
    # Rust needs memory to print a trace: where that is short, it would hang and not end.
    os.environ["RUST_BACKTRACE"] = "0"
    ending = [signal.SIGTERM]

    def in_worker() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ending)

    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ending),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, ending),
        after_in_child=in_worker,
    )


def _pass_on_signals(server: Any) -> None:
    """Send SIGUSR1 on to the workers, which open their log anew; ignore SIGUSR2."""

    def pass_on(number: int, _frame: object) -> None:
        for worker in server.wrks:
            with suppress(ProcessLookupError, TypeError):  # it has ended, or has not begun
                os.kill(worker.inner.pid, number)

    signal.signal(signal.SIGUSR1, pass_on)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN))


@contextmanager
def _shared_numbers() -> Iterator[None]:
    """Give the workers a shared folder for their metrics, in memory where the system has it.

    Workers map its files, so a full disk would kill them (SIGBUS). Children inherit the lock, so
    the folder stays locked while one worker lives.
    """
    place = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else gettempdir()
    _remove_left_folders(Path(place))
    with TemporaryDirectory(prefix=NUMBERS, dir=place) as folder, _locked(folder, LOCK_SH):
        os.environ.setdefault(FOLDER, folder)
        yield


def _remove_left_folders(place: Path) -> None:
    """Remove the folders of killed banks."""
    for left in place.glob(f"{NUMBERS}*"):
        with suppress(OSError):  # it is in use, or belongs to another user
            if time() - left.stat().st_mtime > LOCKED_AFTER_S:
                with _locked(left, LOCK_EX | LOCK_NB):
                    rmtree(left)


@contextmanager
def _locked(folder: str | Path, how: int) -> Iterator[None]:
    fd = os.open(folder, os.O_RDONLY)
    try:
        flock(fd, how)
        yield
    finally:
        os.close(fd)


def worker_app(on_answering: Callable[[], object] = lambda: None) -> Gateway:
    """Build the app in a worker; print one sentence where it cannot start.

    :param on_answering: called when this worker starts to answer.
    """
    try:
        return _worker_app(on_answering)
    except ApiError as error:
        sys.exit(f"Error: {error.detail}")
    except (MemoryError, OSError, RuntimeError) as error:
        if not is_shortage(error):
            raise
        sys.exit(f"Error: {ADVICE.format(lack=lack(error))}")


def _worker_app(on_answering: Callable[[], object]) -> Gateway:
    from accounts_bank.app import create_app  # noqa: PLC0415 - the composition root stands above this package

    app = create_app()
    _serve_metrics(app.extensions[EXTENSION])
    _collect_seldom()
    bank: Bank = app.extensions[EXTENSION]
    gateway = Gateway(
        app.wsgi_app,
        threads=threads_for(bank.settings),
        hashing_threads=AT_ONCE_MAX,
        close=partial(_close, app),
        drain_s=bank.settings.DRAIN_S,
        hashes=hashing_matcher(app),
        on_answering=on_answering,
        on_draining=partial(_answer_readers, app),
        **({"mount": app.extensions[BANKS_EXTENSION].mount} if bank.settings.SANDBOX else {}),
    )
    bank.traffic.counts(lambda: gateway.payments)
    bank.observer.add_gauges(lambda: {"requests_waiting": gateway.waiting})
    Thread(target=_end_with_parent, args=[bank.settings.DRAIN_S], daemon=True).start()
    require_room()
    return gateway


def _serve_metrics(bank: Bank) -> None:
    if bank.settings.metrics_listen is not None:
        serve_metrics(bank.settings.metrics_listen, create_metrics_app(bank).wsgi_app)


def _end_with_parent(drain_s: int) -> None:
    """End in order after the first process was killed; no other process stops its workers.

    After the time that the first process allows, the worker kills itself.
    """
    parent = parent_process()
    while parent is None or os.getppid() == parent.pid:
        sleep(PARENT_POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)
    sleep(drain_s + END_TIMEOUT_S)
    os.kill(os.getpid(), signal.SIGKILL)


def _collect_seldom() -> None:
    """Exempt the objects of the start from garbage collection, and collect less often.

    The rows of a bulk are many new objects. Python's default, a collection for each 700 of them,
    takes a fifth of the bulk's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER)


def threads_for(settings: Settings) -> int:
    """Return the number of answering threads."""
    return DURABLE_THREADS if settings.is_durable else MEMORY_THREADS


def _answer_readers(app: Flask) -> None:
    app.extensions[EXTENSION].events.bell.close()
    app.extensions[BANKS_EXTENSION].answer_readers()


def _close(app: Flask) -> None:
    """Stop the bank, send the waiting spans and write the waiting log lines."""
    bank: Bank = app.extensions[EXTENSION]
    bank.close()
    traces.close(app)
    close_logs()


def _free_address(host: str, port: int) -> str:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        raise SettingsError(_cannot_listen(host, port, error)) from error
    return str(address[0])


def _cannot_listen(host: str, port: int, error: OSError | UnicodeError) -> str:
    if isinstance(error, UnicodeError) or error.errno not in {EADDRINUSE, EACCES}:
        reason = error.strerror if isinstance(error, OSError) else "this is no name of a host"
        return f"Cannot listen on {host}:{port} ({reason}): use another --host."
    hint = " On macOS, AirPlay takes port 5000." if port == 5000 else ""  # noqa: PLR2004
    return f"Cannot listen on {host}:{port} ({error.strerror}): use another --port.{hint}"
