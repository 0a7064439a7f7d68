"""Run the benchmarks, or those named: `python -m bench growth http servers`.

`scale` takes the better part of an hour, and is run by name alone.
"""

import sys

from bench import bulk, growth, http, scale, servers, stores

BENCHMARKS = {
    "bulk": bulk.run,
    "growth": growth.run,
    "http": http.run,
    "scale": scale.run,
    "servers": servers.run,
    "stores": stores.run,
}
LONG = {"scale"}


def main() -> None:
    for name in sys.argv[1:] or [each for each in BENCHMARKS if each not in LONG]:
        print(f"\n== {name}", flush=True)
        BENCHMARKS[name]()


main()
