"""Compare authenticated transfers over HTTP with a bare Flask POST on the same server."""

from statistics import median

from bench.load import CONNECTIONS, Load, load, running

ROUNDS = 3
SECONDS = 5


def run() -> None:
    print(f"wrk, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s, medians")
    ratios = []
    for _ in range(ROUNDS):
        bare, bank = measure("bare"), measure("bank")
        assert bank.failures == bare.failures == 0, (bare, bank)
        ratios.append(bank.per_s / bare.per_s)
        print(f"  bare Flask POST {bare.per_s:6.0f}/s, p99 {bare.p99_ms:5.1f} ms", end="   ")
        print(f"transfers {bank.per_s:6.0f}/s, p99 {bank.p99_ms:5.1f} ms   {ratios[-1]:.2f}")
    print(f"transfers / bare Flask POST: {median(ratios):.2f} (need 0.30)")


def measure(app: str) -> Load:
    with running("ours", app) as server:
        load(server, 1)
        return load(server, SECONDS)
