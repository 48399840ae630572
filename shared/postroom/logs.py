"""Logs that an operator reads: one line an event, with names of fields, and no flood while a broker is away."""

import logging
import sys
import time

import structlog


class _OncePerWhile(logging.Filter):
    """aiokafka logs hundreds of lines a second while a broker is away; one of a kind in five seconds says as much."""

    def __init__(self, seconds: float = 5.0) -> None:
        super().__init__()
        self._seconds = seconds
        self._seen: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind, now = (record.name, str(record.msg)[:80]), time.monotonic()
        if now - self._seen.get(kind, -self._seconds) < self._seconds:
            return False
        self._seen[kind] = now
        return True


def configure(service: str, *, as_json: bool = False) -> None:
    """Set up structlog and the standard library's loggers, to stderr."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.format_exc_info, renderer],
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    structlog.contextvars.bind_contextvars(service=service)
    handler.addFilter(_NotNoisy())
    for noisy in ("aiokafka", "faststream"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)


class _NotNoisy(_OncePerWhile):
    """Rate-limits the broker clients' records alone."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.name.startswith(("aiokafka", "faststream")) or super().filter(record)
