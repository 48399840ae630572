"""What the inbox answers, for whoever builds a page on it."""

from datetime import datetime

from pydantic import BaseModel, Field


class InboxForwarded(BaseModel):
    """That the reader passed the message on."""

    to: list[str] = Field(description="ids of people")
    note: str
    at: datetime


class InboxOpens(BaseModel):
    """What a click leads to."""

    what: str = Field(description="order, budget, catalog, …")
    id: str
    href: str | None = Field(description="its path behind this door; null for what another system holds (its id is `emitter/id`)")


class InboxEntry(BaseModel):
    """One message in a person's inbox, in their language."""

    message: str = Field(description="its id")
    message_type: str
    created_at: datetime
    subject: str
    sender: str
    read_at: datetime | None
    withdrawn_at: datetime | None = Field(description="set when it does not hold any more; it then counts as read")
    withdrawn_reason: str | None
    forwarded: list[InboxForwarded]
    opens: InboxOpens | None
    order: str | None = Field(description="the order's id")
    order_number: str
    text: str = Field(description="plain text")
    reason: str = Field(description="why this person got it")


class InboxPage(BaseModel):
    """Some of the messages, the newest first."""

    unread: int = Field(description="of all, not of this page")
    messages: list[InboxEntry]
    next: str | None = Field(description="`before` of the page that follows; null on the last")


class InboxMarked(BaseModel):
    """A message that was marked."""

    message: str
    unread: int


class InboxAllRead(BaseModel):
    """How many were marked, and how many are unread still."""

    read: int
    unread: int


class InboxPassedOn(BaseModel):
    """A message on its way to others."""

    forward: str = Field(description="its id; the same key again answers with the same")
    message: str
    to: list[str]
    note: str
    at: datetime
