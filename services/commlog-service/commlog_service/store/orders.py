"""Tenants' choices and the orders as po-service told them last."""

from commlog_service.domain.logs import TenantSettings
from commlog_service.domain.orders import Order
from postroom.db import Connection

_COLUMNS = "tenant, id, number, supplier, supplier_name, buyer, buyer_name, contract, people"


async def tenant_settings(connection: Connection, tenant: str) -> TenantSettings:
    """What the tenant has chosen, or the defaults."""
    row = await connection.fetchrow("SELECT log_types, visible_unsent FROM tenants WHERE tenant = $1", tenant)
    return TenantSettings(**row) if row else TenantSettings()


async def choose(connection: Connection, tenant: str, settings: TenantSettings) -> None:
    """Keep the tenant's choice."""
    await connection.execute(
        """
        INSERT INTO tenants (tenant, log_types, visible_unsent) VALUES ($1, $2, $3)
        ON CONFLICT (tenant) DO UPDATE SET log_types = excluded.log_types, visible_unsent = excluded.visible_unsent
        """,
        tenant,
        settings.log_types,
        settings.visible_unsent,
    )


async def remember(connection: Connection, order: Order) -> None:
    """Keep what po-service said about the order and its people."""
    await connection.execute(
        f"""
        INSERT INTO order_refs ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (tenant, id) DO UPDATE SET number = excluded.number, supplier_name = excluded.supplier_name, buyer = excluded.buyer,
            buyer_name = excluded.buyer_name, contract = excluded.contract, people = excluded.people, seen_at = now()
        """,  # noqa: S608 - a constant
        order.tenant,
        order.id,
        order.number,
        order.supplier,
        order.supplier_name,
        order.buyer,
        order.buyer_name,
        order.contract,
        [person.model_dump() for person in order.people],
    )


async def find(connection: Connection, tenant: str, order_id: str) -> Order | None:
    """The order as it was seen last, if this caller may see it."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM order_refs WHERE tenant = $1 AND id = $2", tenant, order_id)  # noqa: S608 - a constant
    return Order.model_validate(dict(row)) if row else None
