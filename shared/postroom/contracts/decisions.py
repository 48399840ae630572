"""What notification-rules decided, also the decision not to send. Key: the causing event's key."""

from typing import ClassVar

from postroom.contracts.fields import Fact, Id, Text
from postroom.contracts.messages import Cause


class DecisionMade(Fact):
    """One decision of one rule for one person: `outcome` is message, none, undecided, unroutable or withdrawn; `reason` says why."""

    TYPE: ClassVar[str] = "DecisionMade.v1"

    decision: Id
    cause: Cause
    rule: Text
    message_type: Text = ""
    outcome: Text
    reason: Text
    person: Id | None = None
    hop: Text = ""
    message: Id | None = None
    order_number: Text = ""
