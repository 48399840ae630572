"""Where Postroom runs: from options, the environment, or .run/endpoints.json above the working folder."""

from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from postroom_cli.errors import CliError

_HOW = "Start Postroom with `make up` and run this inside its folder, or give {option} (or {variable})."


class Settings(BaseSettings):
    """What the environment says (prefix POSTROOM_); an option of the command line overrides it."""

    model_config = SettingsConfigDict(env_prefix="POSTROOM_", extra="ignore")

    endpoints: Path | None = None
    gateway_url: str | None = None
    kafka: str | None = None
    heads: Path | None = None
    token: SecretStr | None = None
    issuer_secret: SecretStr | None = None

    @cached_property
    def _file(self) -> dict[str, Any]:
        path = self.endpoints or _nearest(Path.cwd())
        if path is None:
            return {}
        try:
            found = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise CliError("endpoints_unreadable", f"{path} can't be read: {error}", "Run as the user who started Postroom.") from error
        if not isinstance(found, dict):
            raise CliError("endpoints_unreadable", f"{path} is no JSON object", "`make up` writes it anew.")
        return found

    def gateway_address(self) -> str:
        """The gateway's URL, without a slash at its end."""
        return self._address(self.gateway_url, "gateway_url", "--gateway", "POSTROOM_GATEWAY_URL").rstrip("/")

    def kafka_address(self) -> str:
        """Kafka's host:port."""
        return self._address(self.kafka, "kafka", "--kafka", "POSTROOM_KAFKA")

    def heads_file(self) -> Path | None:
        """The file of published heads, if this installation says where it is."""
        found = self.heads or self._file.get("heads")
        return Path(found) if found else None

    def secret(self) -> str | None:
        """What the local issuer asks for, if this installation has one."""
        return self.issuer_secret.get_secret_value() if self.issuer_secret else self._file.get("issuer_secret")

    def _address(self, given: str | None, key: str, option: str, variable: str) -> str:
        address = given or self._file.get(key)
        if not address:
            detail = f"Nothing says where the {key.removesuffix('_url')} is."
            raise CliError("no_address", detail, _HOW.format(option=option, variable=variable))
        return str(address)


def _nearest(folder: Path) -> Path | None:
    """The first .run/endpoints.json from this folder upward."""
    candidates = (parent / ".run" / "endpoints.json" for parent in (folder, *folder.parents))
    return next((path for path in candidates if path.exists()), None)
