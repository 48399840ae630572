"""Why a record can't be processed."""

import errno

from pydantic import ValidationError

# What no outage raises: the code is at fault or a value is, and the next try comes to the same. (But for aiokafka, whose errors are
# RuntimeErrors: nothing that is judged by these asks Kafka.)
OURS = (ValueError, TypeError, LookupError, NameError, AttributeError, ArithmeticError, AssertionError, RuntimeError)
# What orjson says of values that it can't write. It raises a bare TypeError, as our own mistakes do.
_UNWRITABLE = ("Integer exceeds 64-bit range", "str is not valid UTF-8", "Recursion limit reached")


class Refused(Exception):  # noqa: N818 - a refusal is an answer, and its name says so
    """A record that can't be processed, now or ever, as it stands; the intake parks it with this reason.

    `reason` is a code that ops filter by: unreadable, invalid, unknown_type, forbidden, conflict, unsupported, ambiguous,
    too_large, too_costly, too_many_waiting, refused_by_database or failed (a fault of our own). `detail` is for a person, and
    `path` names the field or XPath.
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


def at_fault(error: Exception) -> Refused | None:
    """The refusal of what fails while the world is well, so that it holds up nothing else; None where the world may be at fault."""
    if isinstance(error, Refused):
        return error
    return of_its_values(error) or (failed_on(error) if isinstance(error, OURS) else None)


def failed_on(error: Exception) -> Refused:
    """The refusal of a record on which Postroom itself fails: it waits for the mending by itself, and all others go on."""
    what = f"{type(error).__name__}: {error}"
    return Refused("failed", f"Postroom fails on it: {what}. The fault is Postroom's own; replay it with a release that has it mended")


def of_its_values(error: Exception) -> Refused | None:
    """The refusal of what this record's data alone is at fault for: it would come again with every try, and hold up all that follow."""
    if isinstance(error, ArithmeticError):
        return Refused("invalid", f"a date or a number in it can't be reckoned with: {error}")
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join((error.title, *map(str, first["loc"])))
        return Refused("invalid", f"what follows from it can't be told: {field}: {first['msg']}")
    # A name that is too long for a file, or that of a folder: a value was used as one.
    as_a_name = isinstance(error, OSError) and error.errno in {errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR}
    unwritable = isinstance(error, TypeError) and str(error).startswith(_UNWRITABLE)
    unusable = as_a_name or unwritable or isinstance(error, ValueError)
    return Refused("invalid", f"a value in it can't be used: {error}") if unusable else None
