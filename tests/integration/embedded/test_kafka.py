"""Where Kafka has its data, whatever the folder is called; what lies there is never removed."""

from pathlib import Path

import pytest

from embedded.errors import EmbeddedError
from embedded.kafka import Kafka


def test_its_data_lie_in_the_folder_also_when_that_has_letters_beyond_ascii(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    r"""Also 😀, which Java has as two, and `\`; and where the machine's locale knows none of them."""
    monkeypatch.setenv("LC_ALL", "C")
    broker = Kafka(tmp_path / "Büro 😀" / r"back\slash")
    with broker:
        assert (broker.folder / "data" / "meta.properties").exists()
    broker.prepare()  # as the next start does: it is formatted already
    assert [path.name for path in tmp_path.iterdir()] == ["Büro 😀"]


def test_topics_are_never_removed_for_a_file_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "data" / "purchasing-0").mkdir(parents=True)
    with pytest.raises(EmbeddedError, match="holds topics and no meta"):
        Kafka(tmp_path).prepare()
    assert (tmp_path / "data" / "purchasing-0").exists()


def test_a_format_that_was_cut_off_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "data" / "__cluster_metadata-0").mkdir(parents=True)
    Kafka(tmp_path).prepare()
    assert (tmp_path / "data" / "meta.properties").exists()


def test_a_folder_with_a_comma_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="Miller, Sons for the end of a folder's name: move Postroom"):
        Kafka(tmp_path / "Miller, Sons").start()
    assert not list(tmp_path.iterdir())
