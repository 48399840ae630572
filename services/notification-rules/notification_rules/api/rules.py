"""The table of rules: as it stands, a file checked before it counts, and an event tried."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

from fastapi import APIRouter, Request

from notification_rules.api.given import GivenEvent, GivenRules, event_of, example_events
from notification_rules.domain.expressions import RuleError
from notification_rules.domain.reading import read
from notification_rules.domain.rehearsing import rehearsed
from notification_rules.domain.rulebook import HOUSE, Rulebook, parse
from notification_rules.handlers.trial import try_event
from notification_rules.library import Library
from notification_rules.remote import Mailer
from postroom import db
from postroom.auth import Operator
from postroom.contracts.emitters import Emitter
from postroom.db import Pool
from postroom.http import Problem

# Each is a mail rendered: enough to see, few enough to wait for.
PREVIEWS = 10


def router(pool: Pool, library: Library, emitters: Mapping[str, Emitter], mailer: Mailer) -> APIRouter:
    """The routes; `pool` is the API's, under row-level security."""
    routes = APIRouter(tags=["rules"])

    @routes.get("/rules")
    async def list_rules(_: Operator) -> dict[str, Any]:
        """The table of rules in force, each with its file; `faults` says by file what can't be used and is in force as it last could."""
        return {
            "rules": _listed(library),
            "handled_elsewhere": dict(library.rulebook.handled_elsewhere),
            "files": sorted(library.files),
            "faults": library.faults,
        }

    @routes.post("/rules/check")
    async def check(_: Operator, given: GivenRules) -> dict[str, Any]:
        """Would this file work? Its rules, or what is wrong, with rule, field and line. Changes nothing.

        `would_park`: the golden examples of its events on which a rule of it fails, with the reason.
        """
        book = await asyncio.to_thread(_book, library, given)
        shown = ("name", "event", "message_type", "mandatory", "replaces")
        own = read(given.name, given.text).declaration.rules
        named = {rule.name for rule in own}
        parkings = [asdict(one) for rule in book if rule.name in named for one in rehearsed(rule, example_events(rule.declared.event))]
        return {"file": given.name, "rules": [rule.model_dump(include=set(shown)) for rule in own], "would_park": parkings}

    @routes.post("/rules/try")
    async def try_(request: Request, caller: Operator, given: GivenEvent) -> dict[str, Any]:
        """What would this event lead to, and why? By the rules in force, or with this file. Nothing is stored, and nothing sent."""
        # Compiling takes a part of a second, in which batches go on.
        book = await asyncio.to_thread(_book, library, given.rules) if given.rules else library.rulebook
        async with db.as_principal(pool, caller) as connection:
            event = await event_of(connection, given, caller, emitters)
            answer = await try_event(connection, event, book)
        messages = [message for rule in answer["rules"] for message in rule["messages"]]
        token = request.headers["authorization"].partition(" ")[2].strip()
        previews = await asyncio.gather(*(_preview(mailer, token, message) for message in messages[:PREVIEWS]))
        late = {"preview": None, "no_preview": f"Only the first {PREVIEWS} mails are shown."}
        for message, preview in zip_longest(messages, previews, fillvalue=late):
            message.update(preview)
        return answer

    return routes


def _listed(library: Library) -> list[dict[str, Any]]:
    """Each rule as it is written, with the file that it stands in."""
    files = {rule.name: file for file, text in library.files.items() for rule in read(file, text).declaration.rules}
    return [
        {**rule.declared.model_dump(mode="json", by_alias=True, exclude_defaults=True), "file": files.get(rule.name, HOUSE)}
        for rule in library.rulebook
    ]


def _book(library: Library, given: GivenRules) -> Rulebook:
    """The rules as they would be with this file. Raises Problem that names file, rule, field and line."""
    try:
        return parse(given.text) if given.alone else parse(library.house, {**library.files, given.name: given.text})
    except RuleError as error:
        if given.alone:
            error.file = given.name
        raise Problem(422, "rules_invalid", str(error), error.field or None, file=error.file, rule=error.rule, line=error.line) from error


async def _preview(mailer: Mailer, token: str, message: dict[str, Any]) -> dict[str, Any]:
    recipient = {name: message["recipient"][name] for name in ("name", "language", "zone")}
    asked = {name: message[name] for name in ("message_type", "facts", "reason", "order_number")}
    try:
        return {"preview": await mailer.preview(token, {**asked, "recipient": recipient}), "no_preview": ""}
    except Problem as problem:
        return {"preview": None, "no_preview": str(problem)}
