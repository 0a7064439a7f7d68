"""A greenlet that is suspended holds no lock: breaking this law raises at once."""

import pytest

from accounts_bank.concurrency.greenlets import (
    FairLock,
    InlineLock,
    LockHeldError,
    Waiter,
    run_in_thread,
)
from tests.system.test_greenlets import at_once

LOCKS = [FairLock, InlineLock]
WAITS = {
    "run_in_thread": lambda: run_in_thread(int),
    "Waiter.wait": lambda: Waiter().wait(0.01),
    "FairLock": lambda: FairLock().__enter__(),
}


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
@pytest.mark.parametrize("is_greenlet", [True, False])
def test_waiting_with_a_lock_raises(lock, wait, is_greenlet):
    def act():
        with lock():
            wait()

    def act_and_wait_again():
        with pytest.raises(LockHeldError):
            act()
        return run_in_thread(int, "7")  # the lock was released, so the thread may wait again

    assert (at_once(act_and_wait_again)[0] if is_greenlet else act_and_wait_again()) == 7


@pytest.mark.parametrize("lock", LOCKS)
def test_waiting_after_a_lock_is_released_is_allowed(lock):
    def act():
        with lock():
            pass
        return run_in_thread(int, "7")

    assert at_once(act, act) == [7, 7]
    assert act() == 7
