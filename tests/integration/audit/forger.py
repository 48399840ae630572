# ruff: noqa: S608 - the tables' and columns' names are these tests' own
"""Whoever owns the database can do this: any statement, and every hash reckoned anew."""

import random
from typing import Any

import orjson

from postroom.contracts import chain
from postroom.db import Connection

Row = dict[str, Any]


class Forger:
    """One tampering inside a transaction: the seeded choice of its target, and the owner's tools."""

    def __init__(self, connection: Connection, tenant: str, orders: tuple[str, ...], chance: random.Random) -> None:
        self.connection = connection
        self.tenant = tenant
        self.chance = chance
        self.order = chance.choice(orders)
        self.other = chance.choice([one for one in orders if one != self.order])

    async def do(self, statement: str, *values: Any) -> None:
        """Run it, and insist that it changed something: a forgery that changes nothing proves nothing."""
        done = await self.connection.execute(statement, *values)
        assert not done.endswith(" 0"), statement

    async def pick(self, kind: str, *, blank: bool = False) -> Row:
        """An entry of this kind with its content (or without, if blank is wanted)."""
        rows = [one for one in await self.entries() if one["kind"] == kind and (one["content"] is None) == blank]
        return self.chance.choice(rows)

    async def entries(self) -> list[Row]:
        """The order's chain."""
        rows = await self.connection.fetch(
            """
            SELECT h.*, c.salt, c.content FROM history AS h JOIN history_contents AS c USING (tenant, order_id, entry)
            WHERE tenant = $1 AND order_id = $2 ORDER BY entry
            """,
            self.tenant,
            self.order,
        )
        return [dict(row) for row in rows]

    async def say(self, entry: int, **changes: Any) -> None:
        """Let the content of an entry say something else; its hash stays what it was."""
        (content,) = [one["content"] for one in await self.entries() if one["entry"] == entry]
        await self.write(entry, chain.canonical({**orjson.loads(content), **changes}))

    async def write(self, entry: int, content: str) -> None:
        await self.do(
            "UPDATE history_contents SET content = $4 WHERE tenant = $1 AND order_id = $2 AND entry = $3",
            self.tenant,
            self.order,
            entry,
            content,
        )

    async def rehash(self, entry: int) -> None:
        """Make the content's hash right again, and no link."""
        await self.do(
            """
            UPDATE history AS h SET content_hash = encode(sha256(salt || convert_to(content, 'UTF8')), 'hex') FROM history_contents AS c
            WHERE (c.tenant, c.order_id, c.entry) = (h.tenant, h.order_id, h.entry) AND h.tenant = $1 AND h.order_id = $2 AND h.entry = $3
            """,
            self.tenant,
            self.order,
            entry,
        )

    async def reforge(self) -> None:
        """Make the whole chain consistent again: contents' hashes, links, and the head."""
        previous, last = chain.START, 0
        for one in await self.entries():
            hashed = one["content_hash"] if one["content"] is None else chain.content_hash(one["salt"], one["content"])
            told = (one["entry"], one["kind"], one["ref"], one["actor"], chain.moment(one["at"]), hashed)
            previous, last = chain.link(previous, self.tenant, self.order, *told), one["entry"]
            await self.do(
                "UPDATE history SET content_hash = $4, hash = $5 WHERE tenant = $1 AND order_id = $2 AND entry = $3",
                self.tenant,
                self.order,
                one["entry"],
                hashed,
                previous,
            )
        await self.do(
            "UPDATE history_heads SET entry = $3, hash = $4 WHERE tenant = $1 AND order_id = $2", self.tenant, self.order, last, previous
        )

    async def remove(self, entry: int) -> None:
        """An entry with all that is shown of it, without a gap: what came after moves up. The chain is not consistent yet."""
        for table in ("history", "history_contents", "logs", "sends"):
            await self.connection.execute(
                f"DELETE FROM {table} WHERE tenant = $1 AND order_id = $2 AND entry = $3", self.tenant, self.order, entry
            )
            await self.renumber(table, entry)
        await self.connection.execute("DELETE FROM recipients WHERE tenant = $1 AND send NOT IN (SELECT id FROM sends)", self.tenant)

    async def renumber(self, table: str, after: int) -> None:
        # In two steps, for a row at a time would meet the number that its neighbour still has.
        where = "tenant = $1 AND order_id = $2"
        await self.connection.execute(
            f"UPDATE {table} SET entry = -(entry - 1) WHERE {where} AND entry > $3", self.tenant, self.order, after
        )
        await self.connection.execute(f"UPDATE {table} SET entry = -entry WHERE {where} AND entry < 0", self.tenant, self.order)

    async def add_entry(self, kind: str, ref: str, content: Row, actor: str = "sam") -> int:
        """One more entry at the end, not chained yet."""
        entries = await self.entries()
        number = int(entries[-1]["entry"]) + 1
        supplier = entries[0]["supplier"]
        await self.do(
            """
            INSERT INTO history (tenant, order_id, entry, supplier, kind, ref, actor, at, content_hash, hash)
            VALUES ($1, $2, $3, $4, $5, $6, $7, now(), repeat('0', 64), repeat('0', 64))
            """,
            self.tenant,
            self.order,
            number,
            supplier,
            kind,
            ref,
            actor,
        )
        await self.do(
            "INSERT INTO history_contents (tenant, order_id, entry, supplier, salt, content) VALUES ($1, $2, $3, $4, $5, $6)",
            self.tenant,
            self.order,
            number,
            supplier,
            bytes(32),
            chain.canonical({**content, "supplier": supplier}),
        )
        return number
