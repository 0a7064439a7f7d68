"""`python -m accounts_bank`: the same as the command `accounts`."""

import os
import sys


def run() -> None:
    """Run the command without the current folder on the import path.

    `python -m` puts it there first. A `logging.py` or `config.py` in it would replace the module of
    that name in all of our imports.
    """
    if sys.path[:1] in ([""], [os.getcwd()]):  # noqa: PTH109 - pathlib is not imported yet
        del sys.path[0]
    from accounts_bank.cli import main  # noqa: PLC0415 - the import path is right only now

    main(prog_name="python -m accounts_bank")


if __name__ == "__main__":
    run()
