"""What commlog-service is told by its environment."""

from pathlib import Path

from postroom.settings import ServiceSettings


class Settings(ServiceSettings):
    """`po_url` and `mailer_url` are the two services this one may ask (architecture.md, synchronous calls).

    `heads` is the file that each chain's heads are appended to; give each process that runs elsewhere one of its own.
    """

    service: str = "commlog-service"
    database: str = "commlog_service"
    port: int = 8102
    po_url: str = "http://127.0.0.1:8101"
    mailer_url: str = "http://127.0.0.1:8104"
    heads: Path = Path(".run/audit/heads.jsonl")
