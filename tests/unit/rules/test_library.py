"""A customer's files of rules beside the house's: read again when they change, and a faulty one never loses a good one."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.rules.rules_support import decided, directory, goods_received, person

from notification_rules.domain import rulebook
from notification_rules.domain.expressions import RuleError
from notification_rules.library import Library

RULE: dict[str, Any] = {
    "name": "receipt",
    "event": "GoodsReceived.v1",
    "message_type": "receipt",
    "recipients": [{"chain": "administrators"}],
    "claim": {"key": "[receipt, R]", "about": "receipt", "told": "told before"},
}
HOUSE = yaml.safe_dump(
    {
        "chains": {"administrators": [{"hop": "admin", "role": "administrator", "because": "you administer"}]},
        "rules": [RULE, {**RULE, "name": "second", "message_type": "second", "mandatory": True}],
    }
)


def _file(**changes: Any) -> str:
    return yaml.safe_dump({"rules": [{**RULE, "name": "own", "message_type": "own", **changes}]})


def _names(book: rulebook.Rulebook) -> list[str]:
    return sorted(rule.name for rule in book)


def _named(book: rulebook.Rulebook, *names: str) -> list[str]:
    found = [book.named("GoodsReceived.v1", name) for name in names]
    return [rule.name if rule else "" for rule in found]


def _library(folder: Path) -> Library:
    library = Library(HOUSE, folder)
    library.look()
    return library


def _write(folder: Path, text: str, name: str = "own.yaml") -> None:
    """Another size each time, for the clock of a file system may be coarse."""
    _write.count += 1  # type: ignore[attr-defined]
    (folder / name).write_text(text + "#" * _write.count + "\n")  # type: ignore[attr-defined]


_write.count = 0  # type: ignore[attr-defined]


def test_without_a_folder_the_house_has_its_own(tmp_path: Path) -> None:
    assert _names(_library(tmp_path / "nothing").rulebook) == ["receipt", "second"]
    assert _names(Library(HOUSE).rulebook) == ["receipt", "second"]


def test_a_file_counts_from_when_it_is_there_until_it_is_gone(tmp_path: Path) -> None:
    library = _library(tmp_path)
    _write(tmp_path, _file())
    library.look()
    assert (_names(library.rulebook), library.faults) == (["own", "receipt", "second"], {})
    people = directory(person("ada"), roles={("administrator", ""): ("ada",)})
    outcome = decided(goods_received(("1", "anna")), people, rules=library.rulebook)
    assert sorted(one.rule.name for one in outcome.messages.values()) == ["own", "receipt", "second"]
    _write(tmp_path, _file(name="renamed"))
    library.look()
    assert _names(library.rulebook) == ["receipt", "renamed", "second"]
    (tmp_path / "own.yaml").unlink()
    library.look()
    assert _names(library.rulebook) == ["receipt", "second"]


def test_of_a_faulty_file_the_last_good_one_stays_and_the_others_go_on(tmp_path: Path) -> None:
    library = _library(tmp_path)
    _write(tmp_path, _file())
    library.look()
    _write(tmp_path, _file(when=[{"is": "nothing", "otherwise": "x"}]))
    _write(tmp_path, _file(name="other", message_type="other"), "other.yaml")
    library.look()
    assert _names(library.rulebook) == ["other", "own", "receipt", "second"]
    assert library.faults["own.yaml"].startswith("own.yaml:"), library.faults
    assert "rule 'own': when.0.is: 'nothing' names 'nothing', which is not there" in library.faults["own.yaml"]
    _write(tmp_path, _file(name="mended"))
    library.look()
    assert (_names(library.rulebook), library.faults) == (["mended", "other", "receipt", "second"], {})


def test_a_file_that_never_was_good_is_left_out(tmp_path: Path) -> None:
    _write(tmp_path, "rules: [", "broken.yaml")
    _write(tmp_path, _file())
    library = _library(tmp_path)
    assert _names(library.rulebook) == ["own", "receipt", "second"]
    assert "broken.yaml:1: is no YAML" in library.faults["broken.yaml"] or "broken.yaml:2: is no YAML" in library.faults["broken.yaml"]


def test_a_start_beside_a_faulty_file_has_the_good_one_still(tmp_path: Path) -> None:
    _write(tmp_path, "rules: [")
    library = Library(HOUSE, tmp_path)
    library.recall({"own.yaml": _file(), "gone.yaml": _file(name="gone")})
    library.look()
    assert _names(library.rulebook) == ["own", "receipt", "second"]


def test_a_file_that_an_editor_has_emptied_keeps_its_rules(tmp_path: Path) -> None:
    _write(tmp_path, _file())
    library = _library(tmp_path)
    (tmp_path / "own.yaml").write_text("")
    library.look()
    assert _names(library.rulebook) == ["own", "receipt", "second"]
    assert "is empty" in library.faults["own.yaml"]


def test_a_folder_that_is_not_there_takes_no_rules_away(tmp_path: Path) -> None:
    """A volume that is mounted late, also at a start."""
    folder = tmp_path / "rules"
    folder.mkdir()
    _write(folder, _file())
    library = _library(folder)
    folder.rename(tmp_path / "away")
    library.look()
    assert (_names(library.rulebook), list(library.faults)) == (["own", "receipt", "second"], ["rules"])
    (started := Library(HOUSE, folder)).recall(library.files)
    started.look()
    assert (_names(started.rulebook), started.files) == (["own", "receipt", "second"], library.files)
    (tmp_path / "away").rename(folder)
    library.look()
    assert (_names(library.rulebook), library.faults) == (["own", "receipt", "second"], {})


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_bytes(b"\xff\xfe rules")
    library = _library(tmp_path)
    assert (_names(library.rulebook), "own.yaml: can't be read" in library.faults["own.yaml"]) == (["receipt", "second"], True)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "rules: []\n", "chains: {}\n"])
def test_a_file_without_rules(tmp_path: Path, text: str) -> None:
    _write(tmp_path, text)
    assert _library(tmp_path).faults == {}


def test_a_rule_that_takes_the_place_of_the_houses() -> None:
    book = rulebook.parse(HOUSE, {"own.yaml": _file(replaces="receipt", message_type="receipt")})
    assert _names(book) == ["own", "second"]
    book = rulebook.parse(HOUSE, {"own.yaml": _file(name="receipt", replaces="receipt")})
    assert [rule.message_type for rule in book if rule.name == "receipt"] == ["own"]


def test_what_a_rule_had_replaced_is_known_when_it_is_gone_also_after_a_start(tmp_path: Path) -> None:
    """For what waits for it."""
    _write(tmp_path, _file(replaces="receipt"))
    library = _library(tmp_path)
    assert _named(library.rulebook, "own", "receipt", "other") == ["own", "own", ""]
    (started := Library(HOUSE, tmp_path)).recall(library.files)
    _write(tmp_path, _file(replaces="receipt", name="renamed"))
    library.look()
    assert _named(library.rulebook, "own", "receipt", "renamed") == ["renamed", "renamed", "renamed"]
    (tmp_path / "own.yaml").unlink()
    for one in (library, started):
        one.look()
        assert _named(one.rulebook, "own", "receipt", "other") == ["receipt", "receipt", ""]
    _write(tmp_path, "rules: [")
    started.look()
    assert _named(started.rulebook, "own", "receipt") == ["", "receipt"], "it may stand in the file that can't be used"


def test_a_rule_in_the_place_of_one_whose_messages_the_house_withdraws(tmp_path: Path) -> None:
    """Found by reading: the house's own rules were called faulty, and the service did not start any more."""
    undo = {
        "name": "undo",
        "event": "GoodsReceived.v1",
        "withdraws": [{"message_types": ["receipt"], "about": "receipt", "because": "x"}],
    }
    house = yaml.safe_dump({**yaml.safe_load(HOUSE), "rules": [RULE, undo]})
    (tmp_path / "own.yaml").write_text(_file(replaces="receipt"))
    library = Library(house, tmp_path)
    library.look()
    assert (_names(library.rulebook), library.faults) == (["own", "undo"], {})


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"own.yaml": _file(name="receipt")},
            "own.yaml:8: rule 'receipt': name: the name stands twice: give this one another, or let it say `replaces`",
        ),
        (
            {"a.yaml": _file(), "b.yaml": _file()},
            "b.yaml:8: rule 'own': name: the name stands twice: give this one another, or write to the file",
        ),
        (
            {"own.yaml": _file(replaces="third")},
            "rule 'own': replaces: there is no rule 'third' to take the place of; there are receipt, second",
        ),
        (
            {"a.yaml": _file(replaces="receipt"), "b.yaml": _file(name="b", replaces="receipt")},
            "b.yaml:11: rule 'b': replaces: the rule 'own'",
        ),
        ({"own.yaml": _file(message_type="second")}, "mandatory: a message type is mandatory for all its rules or for none; 'second' says"),
        ({"own.yaml": "chains: {administrators: []}"}, "own.yaml: chains: the chain 'administrators' is there already"),
        ({"own.yaml": "- rules"}, "own.yaml:1: holds no `rules:`"),
        ({"own.yaml": "rules:\n" + "[" * 5_000}, "own.yaml"),
    ],
)
def test_what_does_not_fit_together_is_named_with_its_file(files: dict[str, str], said: str) -> None:
    with pytest.raises(RuleError) as error:
        rulebook.parse(HOUSE, files)
    assert said in str(error.value)


def test_an_error_names_the_line_where_yaml_knows_it() -> None:
    text = """rules:
  - name: own
    event: GoodsReceived.v1
    message_type: own
    when:
      - is: booking == "automatic"
        otherwise: not automatic
      - is: >-
          bookin
          == "automatic"
        otherwise: not automatic
    recipients:
      - {chain: administrators}
    claim: {key: "[receipt, R]", about: receipt, told: told before}
"""
    for changed, line in (
        (text, 8),
        (text.replace("    message_type: own\n", "    mesage_type: own\n"), 4),
        (text.replace("about: ", "abot: "), 14),
    ):
        with pytest.raises(RuleError) as error:
            rulebook.parse(HOUSE, {"own.yaml": changed})
        assert str(error.value).startswith(f"own.yaml:{line}: rule 'own': "), str(error.value)
