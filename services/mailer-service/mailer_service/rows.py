"""A row of the database, or a dict that looks like one."""

from collections.abc import Mapping
from typing import Any

import asyncpg

Row = Mapping[str, Any] | asyncpg.Record
