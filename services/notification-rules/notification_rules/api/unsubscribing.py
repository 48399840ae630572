"""One click in a mail ends the mail of its type. No sign-in: the token says whose, and only this service can make one."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

from notification_rules.api.preferences import check
from notification_rules.domain.message_types import message_types
from notification_rules.domain.preferences import Change, Preferences
from notification_rules.domain.unsubscribing import Subscription, subscription
from notification_rules.library import Library
from notification_rules.store import preferences as store
from postroom import db
from postroom.auth import Principal
from postroom.db import Pool
from postroom.http import Problem

Token = Annotated[str, Path(max_length=2_000)]


class Unsubscribing(BaseModel):
    """What the token is about; `off`: there is no mail of this type any more. `language` is the person's."""

    message_type: str
    label: dict[str, str]
    person: str
    language: str
    off: bool


def router(pool: Pool, library: Library, key: bytes) -> APIRouter:
    """The routes; `key` is what the tokens were made with."""
    routes = APIRouter(tags=["preferences"])

    @routes.get("/unsubscribe/{token}")
    async def look(token: Token) -> Unsubscribing:
        """What a click would end; it changes nothing, for mail programs follow links on their own."""
        return await _do(_asked(token), end=False)

    @routes.post("/unsubscribe/{token}")
    async def unsubscribe(token: Token) -> Unsubscribing:
        """No more mail of this type (RFC 8058); the inbox still has the messages. Again has no further effect; undo in the preferences."""
        return await _do(_asked(token), end=True)

    def _asked(token: str) -> Subscription:
        asked = subscription(token, key)
        if asked is None:
            detail = "This link is not one of ours, or was cut: take the whole link from the mail, or sign in and set your preferences."
            raise Problem(404, "unknown_token", detail, "token")
        return asked

    async def _do(asked: Subscription, *, end: bool) -> Unsubscribing:
        types, name = message_types(library.rulebook), asked.message_type
        if end and name in types:
            check(types, name, "off", "token", unknown=404)
        person_key = (asked.tenant, asked.person)
        # Signed in by the token, as themselves and nobody else: row-level security holds here too.
        async with db.as_principal(pool, Principal(person=asked.person, tenant=asked.tenant, side="client")) as connection:
            if end:
                await store.save(connection, person_key, Change(types={name: "off"}))
            person = await store.person(connection, person_key)
            chosen = (await store.load(connection, [person_key])).get(person_key, Preferences())
        return Unsubscribing(
            message_type=name,
            label=types[name].label if name in types else {"en": name, "de": name},
            person=person.name if person else asked.person,
            language=person.language if person else "en",
            off=chosen.of(name) == "off" and not (name in types and types[name].mandatory),
        )

    return routes
