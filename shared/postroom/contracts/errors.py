"""Why a record can't be processed."""


class Refused(Exception):  # noqa: N818 - a refusal is an answer, and its name says so
    """A record that can't be processed, now or ever, as it stands; the intake parks it with this reason.

    `reason` is a code that ops filter by: unreadable, invalid, unknown_type, forbidden, conflict, unsupported, ambiguous,
    too_large, too_costly, too_many_waiting or refused_by_database. `detail` is for a person, and `path` names the field or XPath.
    """

    def __init__(self, reason: str, detail: str, path: str = "") -> None:
        super().__init__(f"{reason}: {detail}" + (f" (at {path})" if path else ""))
        self.reason = reason
        self.detail = detail
        self.path = path

    def bare(self) -> "Refused":
        """The same answer without what it was raised through: frames that hold a whole batch, and the answer within it again."""
        return Refused(self.reason, self.detail, self.path)


def told(message: str) -> str:
    """What pydantic says of a value, without its own "Value error, "."""
    return message.removeprefix("Value error, ")
