"""The mails in docs/messages.md: real renders of scenes.yaml."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from postroom.contracts.facts import FACTS

SCALE = 1.5  # pixels of a picture for one of the page
_SCENES = Path(__file__).with_name("scenes.yaml")
_PORTAL = "https://portal.example"
# No mail of these can be unsubscribed from.
_KEPT = ("carbon-copy-registration", "digest")


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: `message` is a row of the mailer's messages, width in CSS pixels."""

    name: str
    message: dict[str, Any]
    width: int = 640
    dark: bool = False


def pictures() -> list[Picture]:
    """All pictures, the English ones of each type first."""
    told = yaml.safe_load(_SCENES.read_text("utf-8"))
    by_type = {scene["type"]: scene for scene in reversed(told["scenes"])}
    plain = [Picture(scene.get("picture", scene["type"]), _message(scene, "en")) for scene in told["scenes"]]
    also = [
        Picture(one["picture"], _message(by_type[one["type"]], one.get("language", "en")), one.get("width", 640), one.get("dark", False))
        for one in told["also"]
    ]
    return plain + also


def digest(html: str) -> str:
    """What tells one mail's page from another's."""
    return sha256(html.encode()).hexdigest()


def _message(scene: dict[str, Any], language: str) -> dict[str, Any]:
    fact = FACTS.get(scene.get("event", ""))
    # Through the contract, so that a picture can't show what no event could say.
    facts = fact.model_validate(scene["facts"]).model_dump(mode="json") if fact else scene["facts"]
    return {
        "id": "5f1c9a52-7d0e-5b43-9c1a-2f6d4c0e4711",
        "message_type": scene["type"],
        "name": scene["name"],
        "reason": scene["reason"][language.partition("-")[0]],
        "hop": "",
        "order_number": facts.get("order", {}).get("number", ""),
        "language": language,
        "zone": "Europe/Vienna",
        "facts": facts,
        "opens_url": f"{_PORTAL}/{scene['opens']}" if "opens" in scene else "",
        "unsubscribe_url": "" if scene.get("mandatory") or scene["type"] in _KEPT else f"{_PORTAL}/unsubscribe/Zm9y",
    }
