"""Each failpoint that stands in the code is one that the story of the failpoints hits, and the other way round."""

import re
from pathlib import Path

from tests.faults.stories.kills import FAILPOINTS

from embedded.paths import ROOT

_REACH = re.compile(r'failpoints\.reach\(("[^)]+")\)')
_NAME = re.compile(r'"([a-z_.]+)"')
OF = {
    "po_service": ("po-service",),
    "commlog_service": ("commlog-service",),
    "notification_rules": ("notification-rules",),
    "mailer_service": ("mailer-service",),
    "gateway": ("gateway",),
}
# Of the shared package: who has it. A click that is told once is one of people, who call two of the services.
SHARED = {
    "intake": ("po-service", "commlog-service", "notification-rules", "mailer-service"),
    "relay": ("po-service", "commlog-service", "notification-rules", "mailer-service"),
    "click": ("commlog-service", "mailer-service"),
}
# Hit by another story, which has something to migrate.
UPGRADES = {"db.migrating"}


def _places(folder: Path) -> set[str]:
    return {name for file in folder.rglob("*.py") for said in _REACH.findall(file.read_text()) for name in _NAME.findall(said)}


def test_the_story_hits_each_place_that_stands_in_the_code() -> None:
    there = {(service, name) for name in _places(ROOT / "shared") - UPGRADES for service in SHARED[name.partition(".")[0]]}
    for folder in (ROOT / "services").glob("*/*/app.py"):
        there |= {(service, name) for service in OF[folder.parent.name] for name in _places(folder.parent)}
    assert there == {(service, name) for service, names in FAILPOINTS.items() for name in names}
