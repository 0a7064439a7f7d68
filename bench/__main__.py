"""Run all benchmarks, or the named ones: `python -m bench growth http servers`.

`proof` and `scale` fill large banks first, so they run by name only.
"""

import sys

from bench import bulk, growth, http, proof, sandbox, scale, servers, stores

BENCHMARKS = {
    "bulk": bulk.run,
    "growth": growth.run,
    "http": http.run,
    "proof": proof.run,
    "sandbox": sandbox.run,
    "scale": scale.run,
    "servers": servers.run,
    "stores": stores.run,
}
LONG = {"proof", "scale"}


def main() -> None:
    for name in sys.argv[1:] or [name for name in BENCHMARKS if name not in LONG]:
        print(f"\n== {name}", flush=True)
        BENCHMARKS[name]()


main()
