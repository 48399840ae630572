"""`python -m tests.faults.launch MODULE` starts a service, without the guard that the file POSTROOM_WITHOUT names, if it names one.

The variants live here and in without.py: the product has no switch for them.
"""

import os
import runpy
import sys
from pathlib import Path


def main(module: str) -> None:
    """Become that module."""
    named = Path(os.environ["POSTROOM_WITHOUT"])
    if named.exists() and (guard := named.read_text().strip()):
        from tests.faults import without  # noqa: PLC0415 - it knows this version of the code, and other ones are started here too

        without.GUARDS[guard]()
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1])
