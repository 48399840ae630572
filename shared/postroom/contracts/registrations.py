"""Facts of po-service about log-ons. Key: the new user."""

from typing import ClassVar

from postroom.contracts.fields import Fact, Id, Text, UtcTime


class CarbonCopyUserRegistered(Fact):
    """Somebody logged on with the data of a carbon-copy user and became a user of their own; `first` is false at later log-ons."""

    TYPE: ClassVar[str] = "CarbonCopyUserRegistered.v1"

    carbon_copy_user: Id
    user: Id
    name: Text
    email: Text = ""
    first: bool = True
    blocked: bool = False
    logged_on_at: UtcTime
