"""Facts of commlog-service about an order's history: hashes and ids, no text and no address. Key: the order."""

from typing import Annotated, ClassVar

from pydantic import Field

from postroom.contracts.fields import MAX_VERSION, Fact, Id


class HistoryAdvanced(Fact):
    """The order's chain reached `entry`, whose link is `hash` (postroom.contracts.chain); what shows a chain that was rewritten later."""

    TYPE: ClassVar[str] = "HistoryAdvanced.v1"

    order: Id
    entry: int = Field(ge=1, le=MAX_VERSION)
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
