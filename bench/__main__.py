"""Run the benchmarks, or those named: `python -m bench growth http servers`.

`proof` and `scale` fill large banks first, and are run by name alone.
"""

import sys

from bench import bulk, growth, http, proof, scale, servers, stores

BENCHMARKS = {
    "bulk": bulk.run,
    "growth": growth.run,
    "http": http.run,
    "proof": proof.run,
    "scale": scale.run,
    "servers": servers.run,
    "stores": stores.run,
}
LONG = {"proof", "scale"}


def main() -> None:
    for name in sys.argv[1:] or [each for each in BENCHMARKS if each not in LONG]:
        print(f"\n== {name}", flush=True)
        BENCHMARKS[name]()


main()
