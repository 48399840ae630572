"""docs/rules.md is right: its examples can be used, and it names every field that a rule may have."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from notification_rules.domain import declaration, rulebook
from notification_rules.domain.expressions import _KNOWN_FUNCTIONS

TEXT = Path("docs/rules.md").read_text("utf-8")
HOUSE = files("notification_rules").joinpath("rules.yaml").read_text("utf-8")


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL))
def test_an_example_stands_beside_the_houses_rules(example: str) -> None:
    assert len(list(rulebook.parse(HOUSE, {"example.yaml": example}))) == len(list(rulebook.parse(HOUSE))) + 1


@pytest.mark.parametrize("model", [declaration.DeclaredRule, declaration.Claim])
def test_every_field_is_named(model: type[declaration.Declared]) -> None:
    assert [name for name in model.model_fields if f"| `{name}` |" not in TEXT] == []


def test_every_function_is_named() -> None:
    assert [name for name in _KNOWN_FUNCTIONS if name not in TEXT] == []
