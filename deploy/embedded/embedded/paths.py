"""Where things lie: the repository, the ignored folder .run, and the cache that outlives `make clean`."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RUN = ROOT / ".run"
# In the virtual environment, so that `make clean` keeps what was downloaded.
CACHE = Path(sys.prefix) / "share" / "postroom"
