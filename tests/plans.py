"""What Postgres does for a page: the statements that a service sent, explained as the role and the person that it asked as."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from postroom import db
from postroom.auth import Principal
from postroom.db import Pool


@dataclass
class Watched:
    """The statements of a pool with one connection, each with its values."""

    pool: Pool
    statements: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)

    async def scanned(self, principal: Principal) -> set[str]:
        """The tables that one of them would read as a whole."""
        assert self.statements, "nothing was asked"
        found: set[str] = set()
        async with db.as_principal(self.pool, principal) as connection:
            for statement, values in list(self.statements):
                plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *values)
                found |= {node["Relation Name"] for node in _nodes(json.loads(plan)[0]["Plan"]) if node["Node Type"] == "Seq Scan"}
        return found

    async def read(self, principal: Principal) -> int:
        """How many rows they look at in tables, also those that they then leave out."""
        assert self.statements, "nothing was asked"
        rows = 0.0
        async with db.as_principal(self.pool, principal) as connection:
            for statement, values in list(self.statements):
                plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *values)
                rows += sum(_looked_at(node) for node in _nodes(json.loads(plan)[0]["Plan"]) if "Relation Name" in node)
        return round(rows)

    def forget(self) -> None:
        self.statements.clear()


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _nodes(part)


def _looked_at(node: dict[str, Any]) -> float:
    return float((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])


@asynccontextmanager
async def watched(pool: Pool) -> AsyncIterator[Watched]:
    """Note what is asked of this pool, whose one connection is the service's as well."""
    noted = Watched(pool)

    def note(query: Any) -> None:
        # Not what says who asks, nor what the pool resets.
        if query.query.lstrip().startswith(("SELECT", "WITH")) and not any(own in query.query for own in ("set_config", "RESET ALL")):
            noted.statements.append((query.query, query.args))

    async with pool.acquire() as connection:
        connection.add_query_logger(note)
    yield noted
    async with pool.acquire() as connection:
        connection.remove_query_logger(note)
