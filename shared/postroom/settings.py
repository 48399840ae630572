"""What every service is told by its environment (prefix POSTROOM_); each service's settings.py extends this, and nothing else reads it."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Frozen settings; `postgres` names the server, `database` the service's own database on it; `blobs` a folder, or s3://bucket/prefix.

    `instance` tells the processes of a service apart, by a name that one keeps when it is started again (a pod's): then its next life
    need not wait until Kafka has given up the one that was killed.
    """

    model_config = SettingsConfigDict(env_prefix="POSTROOM_", frozen=True, extra="ignore")

    service: str
    database: str
    instance: str = ""
    kafka: str = "127.0.0.1:9092"
    postgres: SecretStr = SecretStr("postgresql://postroom@127.0.0.1:5432")
    host: str = "127.0.0.1"
    port: int = 8100
    blobs: str | Path = Path(".run/blobs")
    emitters: Path = Path("deploy/emitters.yaml")
    issuer_public: Path = Path(".run/issuer/public.pem")
    log_json: bool = False
    batch_size: int = 500
    pool_size: int = 8

    @property
    def dsn(self) -> str:
        """Where the service's own database is."""
        return self.postgres.get_secret_value().rstrip("/") + "/" + self.database
