"""What goes wrong, told in one sentence with the way out."""

REFUSED = 1
"""Exit code: the question was answered, and the answer is no (parked, refused, nothing known)."""
FAILED = 2
"""Exit code: it could not be asked at all (usage, no address, not reachable, no valid token)."""


class CliError(Exception):
    """A failure for a person: `code` is for scripts, `hint` is what to do next, `field` names what was wrong, `status` is HTTP's."""

    def __init__(
        self, code: str, detail: str, hint: str = "", *, exit_code: int = FAILED, field: str | None = None, status: int | None = None
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.hint = hint
        self.exit_code = exit_code
        self.field = field
        self.status = status

    def as_json(self) -> dict[str, str | None]:
        return {"code": self.code, "detail": self.detail, "hint": self.hint or None, "field": self.field}
