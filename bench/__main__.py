"""Run every benchmark, or those named: `python -m bench growth http servers`."""

import sys

from bench import bulk, growth, http, servers, stores

BENCHMARKS = {
    "bulk": bulk.run,
    "growth": growth.run,
    "http": http.run,
    "servers": servers.run,
    "stores": stores.run,
}


def main() -> None:
    for name in sys.argv[1:] or BENCHMARKS:
        print(f"\n== {name}", flush=True)
        BENCHMARKS[name]()


main()
