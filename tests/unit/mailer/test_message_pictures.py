"""docs/messages.md shows every message type as it is: its label in both languages, a picture of a real mail, nothing forgotten."""

import re
from pathlib import Path

import pytest
import yaml
from PIL import Image
from tests.pictures.scenes import SCALE, Picture, digest, pictures

import notification_rules
from mailer_service.domain import digests
from mailer_service.render import TEMPLATES, Renderer
from postroom import clock

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "messages.md").read_text("utf-8")
RULES_FILE = (Path(notification_rules.__file__).parent / "rules.yaml").read_text("utf-8")
RULES = yaml.safe_load(RULES_FILE)["rules"]
# Without a picture: what never goes by mail, and what a person writes.
UNSEEN = {"new-communication-log", "correspondence"}


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(TEMPLATES)


def test_every_type_has_a_scene(renderer: Renderer) -> None:
    assert {picture.message["message_type"] for picture in pictures()} == set(renderer.message_types) - UNSEEN


@pytest.mark.parametrize("picture", pictures(), ids=lambda picture: picture.name)
def test_every_picture_is_on_the_page_and_shows_its_mail_as_it_is(renderer: Renderer, picture: Picture) -> None:
    """Where this fails, the words or the look have changed since: `make pictures`, look at them, and mend docs/messages.md."""
    mail = renderer.mail(picture.message)
    assert f'"images/messages/{picture.name}.png"' in PAGE
    assert f"**{mail.subject}**" in PAGE
    image = Image.open(DOCS / "images" / "messages" / f"{picture.name}.png")
    assert image.width == picture.width * SCALE
    assert image.info["mail"] == digest(mail.html), "make pictures"


@pytest.mark.parametrize("picture", pictures(), ids=lambda picture: picture.name)
def test_every_picture_gives_the_reason_that_the_rules_give(picture: Picture) -> None:
    digest_says = digests.message(digests.Reader("t", "p", "P", None, picture.message["language"], "UTC"), clock.now(), [], 0).reason
    assert picture.message["reason"] in (digest_says if picture.name == "digest" else RULES_FILE)


def test_no_picture_lies_about() -> None:
    assert {path.stem for path in (DOCS / "images" / "messages").glob("*.png")} == {picture.name for picture in pictures()}


@pytest.mark.parametrize("rule", [rule for rule in RULES if "message_type" in rule], ids=lambda rule: rule["name"])
def test_every_rule_is_described_as_it_is(rule: dict[str, object]) -> None:
    section = next(part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE) if f"`{rule['message_type']}`" in part)
    label = rule["label"]
    assert isinstance(label, dict)
    assert section.partition("\n")[0].endswith(label["en"])
    kind = "mandatory" if rule.get("mandatory") else "optional"
    assert f"*{label['de']}* · `{rule['message_type']}` · {kind}\n" in section
