"""How much may wait for one order or catalogue that may never come."""

from collections.abc import Collection
from typing import Any

from po_service.domain.incoming import Incoming
from postroom.contracts.errors import Refused

# Of one sender for one order number, or for one catalogue. All of it is read again in the transaction of the document that ends the
# waiting: 16 MB of XML take four seconds, where a transaction may take 60, and 100 changes in the wrong order are tried 5,000 times.
MOST, MOST_BYTES = 100, 16 << 20


def check_room(received: Incoming[Any], reason: str, sizes: Collection[int], way_out: str) -> None:
    """Raise Refused('too_many_waiting') for a document too many; `sizes` are the bytes of each that waits already."""
    if len(sizes) < MOST and sum(sizes) + received.size <= MOST_BYTES:
        return
    sender, waiting = received.document.sender.endpoint, f"{len(sizes)} documents with {sum(sizes)} bytes"
    told = f"it would wait {reason}, and of {sender} {waiting} wait already, of at most {MOST} with {MOST_BYTES} bytes"
    raise Refused("too_many_waiting", f"{told}. {way_out}, then replay this one")
