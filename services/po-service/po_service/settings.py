"""What po-service is told by its environment; the only reader of it."""

from postroom.settings import ServiceSettings


class Settings(ServiceSettings):
    """Frozen; `task_seconds` is the length of a scheduled task's slot."""

    service: str = "po-service"
    database: str = "po_service"
    port: int = 8101
    task_seconds: int = 3600
