"""What a service knows already when the examples reach it: an outcome is only understood where the mail was sent from."""

from pathlib import Path

from postroom.blobs import Blobs
from postroom.db import Connection, Pool

_COMMLOG = """
INSERT INTO order_refs (tenant, id, number, supplier, supplier_name, buyer, buyer_name, people)
VALUES ('demo', 'o', '4711', 'nordwind', 'Nordwind Werkzeuge GmbH', 'acme', 'ACME Maschinenbau AG', '[]');
INSERT INTO correspondences (id, tenant, order_id, supplier, side, person, scope, logs, subject, contacts, documents, opened_at)
VALUES ('window', 'demo', 'o', 'nordwind', 'supplier', 'sven.supplier', 'all', '{l}', '4711', '[]', '[]', now());
INSERT INTO sends (id, correspondence, tenant, order_id, supplier, entry, sender, subject, scope, logs, frozen, documents, attach_pdf,
                   fingerprint, requested_at)
VALUES
('c0ffee00-0000-4000-8000-000000000001', 'window', 'demo', 'o', 'nordwind', 1, '{"side": "supplier"}', '4711', 'all', '{l}', '{}', '[]',
 false, 'f', now());
INSERT INTO recipients (send, mailbox, tenant, supplier, address, name, kind, changed_at)
VALUES ('c0ffee00-0000-4000-8000-000000000001', 'yard@acme.example', 'demo', 'nordwind', 'yard@acme.example', '', 'typed', now());
"""
_KNOWN = {"commlog-service": _COMMLOG}


async def prepare(service: str, database: "Pool | Connection", blobs: Path) -> None:
    """Put there what the examples go back to."""
    if service in _KNOWN:
        await database.execute(_KNOWN[service])
        await Blobs(blobs).put("demo", b"The desks may come on Thursday.\n")
