"""The containers run what the embedded installation runs: the same modules on the same ports, told the same things."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.infrastructure import KAFKA_IMAGE, POSTGRES_IMAGE

from embedded.installation import Installation
from embedded.paths import ROOT
from embedded.services import SERVICES, Row

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]


@pytest.mark.parametrize("row", SERVICES, ids=lambda row: row.name)
def test_each_service_is_told_the_same_as_on_one_machine(row: Row, tmp_path: Path) -> None:
    container = COMPOSE[row.name]
    assert container["command"] == ["python", "-m", row.module]
    assert container["environment"]["POSTROOM_PORT"] == str(row.port)
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "password").write_text("secret")
    assert Installation(tmp_path)._env(row).keys() <= container["environment"].keys()


@pytest.mark.parametrize("row", [row for row in SERVICES if row.key != "gateway"], ids=lambda row: row.name)
def test_services_find_each_other_by_name(row: Row) -> None:
    assert COMPOSE["gateway"]["environment"][f"POSTROOM_{row.key.upper()}_URL"] == f"http://{row.name}:{row.port}"


def test_tests_and_compose_use_the_same_images() -> None:
    assert COMPOSE["kafka"]["image"] == KAFKA_IMAGE
    assert COMPOSE["postgres"]["image"] == POSTGRES_IMAGE
