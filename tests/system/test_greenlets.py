"""Greenlets: a waiting call delays no other call, and no context is lost or mixed up."""

import asyncio
import threading
import weakref
from contextvars import ContextVar
from functools import partial
from time import monotonic, sleep

import pytest

from accounts_bank.concurrency.greenlets import FairLock, GreenletPool, Waiter, run_in_thread
from accounts_bank.server.threads import ThreadPool
from tests.stores.test_group_commit import Slow
from tests.system.test_gateway import run
from tests.waiting import within


class Body:
    """The body of a request."""


def at_once(*calls, threads=4):
    """Run the calls in one event loop; return their results in order."""

    async def all_of_them():
        asides = GreenletPool(ThreadPool(threads, waiting_max=0).call)
        found = await asyncio.gather(*map(asides.run, calls), return_exceptions=True)
        assert asides.count == 0
        return found

    return run(all_of_them())


def test_in_a_thread_of_its_own_it_simply_waits():
    assert run_in_thread(threading.get_ident) == threading.get_ident()
    call = Waiter()
    threading.Timer(0.01, call.call).start()
    call.wait()
    began_s = monotonic()
    Waiter().wait(0.01)
    assert monotonic() - began_s >= 0.01


def test_the_next_one_begins_while_one_waits():
    done, told = [], threading.Event()

    def waits():
        assert run_in_thread(told.wait, 10)
        done.append("waits")

    def goes_on():
        done.append("goes on")
        told.set()

    at_once(waits, goes_on)
    assert done == ["goes on", "waits"]


def test_calls_run_in_one_thread_and_only_blocking_work_leaves_it():
    def act():
        return threading.get_ident(), run_in_thread(threading.get_ident), threading.get_ident()

    found = at_once(*[act] * 20)
    here = {each for first, _, last in found for each in (first, last)}
    assert len(here) == 1
    assert not here & {middle for _, middle, _ in found}


def test_an_error_of_another_thread_is_raised_in_the_greenlet():
    def fails(error):
        raise error

    def act():
        with pytest.raises(KeyError):
            run_in_thread(fails, KeyError())
        return run_in_thread(dict, a=1)

    assert at_once(act) == [{"a": 1}]
    failed, done = at_once(partial(fails, error := ValueError()), dict)
    assert (failed, done) == (error, {})


def test_a_waiter_resumes_once_at_the_first_call_or_timeout():
    calls, order = {}, []

    def waits(name, timeout_s):
        calls[name] = Waiter()
        calls[name].wait(timeout_s)
        order.append(name)

    def calls_both():
        for name in ("at once", "late"):
            calls[name].call()
            calls[name].call()

    def calls_from_another_thread():
        run_in_thread(calls["elsewhere"].call)

    at_once(
        partial(waits, "late", 60),
        partial(waits, "elsewhere", -1),
        partial(waits, "by itself", 0.05),
        partial(waits, "at once", -1),
        calls_both,
        calls_from_another_thread,
    )
    assert sorted(order) == ["at once", "by itself", "elsewhere", "late"]
    assert order.index("late") < order.index("by itself")


def test_a_suspended_greenlet_keeps_its_own_context():
    who: ContextVar[str] = ContextVar("who", default="nobody")

    def act(name):
        before = who.get()
        token = who.set(name)
        run_in_thread(sleep, 0.01)
        found = who.get()
        who.reset(token)
        return before, found

    names = [str(number) for number in range(8)]
    assert at_once(*[partial(act, name) for name in names]) == [("nobody", name) for name in names]


def test_a_cancelled_call_never_starts():
    begun: list[str] = []

    async def leave():
        asides = GreenletPool(ThreadPool(1, waiting_max=0).call)
        task = asyncio.create_task(asides.run(partial(begun.append, "left")))
        await asyncio.sleep(0)
        task.cancel()
        await asides.run(partial(begun.append, "stayed"))
        return asides.count

    assert run(leave()) == 0
    assert begun == ["stayed"]


def test_the_pool_makes_as_many_greenlets_as_calls_overlap():
    made = []

    async def often():
        asides = GreenletPool(ThreadPool(1, waiting_max=0).call)
        for _ in range(10):
            await asyncio.gather(*[asides.run(partial(run_in_thread, int)) for _ in range(3)])
        made.extend(asides._idle)

    run(often())
    assert len(made) == 3


def test_an_answered_request_is_freed():
    async def answer():
        asides = GreenletPool(ThreadPool(1, waiting_max=0).call)
        body = Body()
        await asides.run(partial(str, body))
        return weakref.ref(body)

    assert run(answer())() is None


def test_other_tasks_of_the_loop_run_between_long_calls(monkeypatch):
    now_s = 0.0
    monkeypatch.setattr("accounts_bank.concurrency.greenlets.monotonic", lambda: now_s)

    def take_2_ms():
        nonlocal now_s
        now_s += 0.002

    async def look_meanwhile():
        asides, looks = GreenletPool(ThreadPool(1, waiting_max=0).call), 0
        calls = [asyncio.create_task(asides.run(take_2_ms)) for _ in range(100)]
        while asides.count or not looks:
            await asyncio.sleep(0)
            looks += 1
        await asyncio.gather(*calls)
        return looks

    assert run(look_meanwhile()) >= 20


def slow_bank():
    """Return a slow store and a function that opens five accounts in it."""
    store = Slow()
    store.append = partial(run_in_thread, store.append)  # type: ignore[method-assign]
    store.callers += ["caller"] * 8
    return store, partial(store.asks, 5)


def test_payments_of_suspended_greenlets_share_a_commit():
    store, often = slow_bank()
    assert at_once(*[often] * 8) == [None] * 8
    assert sum(store.batches) == 40
    assert len(store.batches) <= 15


def test_threads_and_greenlets_share_a_commit():
    store, often = slow_bank()
    threads = [threading.Thread(target=often) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert at_once(*[often] * 4) == [None] * 4
    for thread in threads:
        thread.join(60)
    assert sum(store.batches) == 40
    assert len(store.batches) <= 20


def test_one_caller_holds_a_lock_and_greenlets_suspend_for_it():
    turn, order, told = FairLock(), [], threading.Event()

    def holds():
        with turn:
            order.append("taken")
            assert told.wait(10)
            sleep(0.02)
            order.append("left")

    def waits():
        while "taken" not in order:
            run_in_thread(sleep, 0.001)
        with turn:
            order.append("taken next")

    def goes_on():
        while "taken" not in order:
            run_in_thread(sleep, 0.001)
        order.append("goes on")
        told.set()

    thread = threading.Thread(target=holds)
    thread.start()
    at_once(waits, goes_on)
    thread.join(10)
    assert order == ["taken", "goes on", "left", "taken next"]
    with pytest.raises(KeyError), turn:
        raise KeyError
    with turn:
        pass


def test_a_lock_goes_to_the_caller_that_came_first():
    turn, order = FairLock(), []

    def takes(name):
        with turn:
            order.append(name)

    with turn:
        aside = threading.Thread(target=at_once, args=(partial(takes, "first"),))
        thread = threading.Thread(target=takes, args=("second",))
        for waiting, each in enumerate((aside, thread), start=1):
            each.start()
            assert within(30, lambda: len(turn._waiting) == waiting)  # noqa: B023 - now
    takes("last")
    for each in (aside, thread):
        each.join(10)
    assert order == ["first", "second", "last"]


def test_a_result_after_the_end_of_the_loop_is_dropped():
    told, done = threading.Event(), threading.Event()

    def waits():
        assert told.wait(10)
        try:
            return 1
        finally:
            done.set()

    async def leave():
        threads = ThreadPool(1, waiting_max=0)
        threads.call(waits)
        return threads

    threads = run(leave())
    told.set()
    assert done.wait(10)
    assert within(30, lambda: threads._idle)  # its thread is there for the next one


def test_a_call_before_the_wait_ends_it_and_resumes_no_other_work():
    def work():
        waiter = Waiter()

        def call_and_find() -> str:
            waiter.call()
            sleep(0.05)
            return "found"

        found = run_in_thread(call_and_find)
        waiter.wait()
        waiter.call()
        return found, run_in_thread(lambda: "more")

    assert at_once(work) == [("found", "more")]
