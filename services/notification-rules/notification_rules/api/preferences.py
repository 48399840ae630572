"""How a person wants their mail: read and set by themselves; read by operators, who are asked why somebody got none."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Query

from notification_rules.api.wishes import Shown, Wish, Wishes, shown
from notification_rules.domain.message_types import MessageType, message_types
from notification_rules.domain.people import Person
from notification_rules.domain.preferences import Change, Mail, Preferences
from notification_rules.library import Library
from notification_rules.store import preferences as store
from postroom import db
from postroom.auth import Caller, Principal
from postroom.db import Connection, Pool
from postroom.http import Problem


def router(pool: Pool, library: Library) -> APIRouter:
    """The routes; `pool` is the API's, under row-level security."""
    routes = APIRouter(tags=["preferences"])

    @routes.get("/preferences")
    async def show(caller: Caller, person: Annotated[str | None, Query(min_length=1, max_length=200)] = None) -> Shown:
        """Every message type that can go by mail, and how this person wants it. `person`: somebody else's, for operators."""
        if person not in (None, caller.person) and caller.side != "operator":
            raise Problem(403, "forbidden", "These are somebody else's: only they themselves and operators may see them.", "person")
        async with db.as_principal(pool, caller) as connection:
            return await _shown(connection, caller, person or caller.person)

    @routes.put("/preferences")
    async def change(caller: Caller, wishes: Wishes) -> Shown:
        """Change your own. Mail now, in the daily digest, or off, for all optional types and for each; quiet hours; the digest's hour."""
        types = message_types(library.rulebook)
        for name, mail in wishes.types.items():
            check(types, name, mail, f"types.{name}", unknown=422)
        return await _change(caller, wishes.change)

    @routes.put("/preferences/{message_type}")
    async def change_one(caller: Caller, message_type: Annotated[str, Path(max_length=200)], wish: Wish) -> Shown:
        """Your own mail of one type."""
        check(message_types(library.rulebook), message_type, wish.mail, "message_type", unknown=404)
        return await _change(caller, Change(types={message_type: wish.mail}))

    async def _change(caller: Principal, wanted: Change) -> Shown:
        async with db.as_principal(pool, caller) as connection:
            await store.save(connection, (caller.tenant, caller.person), wanted)
            return await _shown(connection, caller, caller.person)

    async def _shown(connection: Connection, caller: Principal, name: str) -> Shown:
        key = (caller.tenant, name)
        person, known = await store.person(connection, key), await store.load(connection, [key])
        if person is None and not known and name != caller.person:
            raise Problem(404, "unknown_person", f"The directory knows nobody {name!r} in your tenant.", "person")
        # Somebody whom the directory doesn't know gets no messages, and may choose all the same: they may be known tomorrow.
        return shown(person or Person(name, caller.name or name), known.get(key, Preferences()), message_types(library.rulebook))

    return routes


def check(types: Mapping[str, MessageType], name: str, mail: Mail | None, field: str, unknown: int) -> None:
    """Raises Problem for a type that nobody can choose this for."""
    found = types.get(name)
    if found is None or not found.by_mail:
        there = ", ".join(sorted(one.name for one in types.values() if one.by_mail and not one.mandatory))
        raise Problem(unknown, "unknown_type", f"No message type {name!r} goes by mail; you can choose for {there}.", field)
    if found.mandatory and mail not in (None, "now"):
        detail = f"“{found.label['en']}” is mandatory: its mail always comes, at once, and nobody can switch it off."
        raise Problem(409, "mandatory", detail, field)
