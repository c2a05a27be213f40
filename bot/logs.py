"""Logging set-up: everything to standard error, as text for people or as JSON lines."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping

import structlog

from bot.settings import LogSettings
from core import tracing

_CHATTY = (
    "httpx",
    "httpx2",
    "watchfiles",
    "httpcore",
    "httpcore2",
    "apscheduler",
    "gradio",
    "faiss",
    "asyncio",
    "uvicorn",
)


def set_up(settings: LogSettings, *, level: str | None = None) -> None:
    """Send the logs of the program and of its libraries through one formatter."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        _traced,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.typing.Processor
    if settings.format == "json":
        # Without the frames' variables: they hold tokens, and what people wrote.
        plain = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        shared.append(structlog.processors.ExceptionRenderer(plain))
        last = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        last = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel((level or settings.level).upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _traced(
    _logger: object, _method: str, line: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Under which ids the reply is found that the line belongs to."""
    trace = tracing.current()
    if trace is not None:
        line.setdefault("conversation", trace.conversation)
        line.setdefault("message", trace.message_id)
        line.setdefault("reference", trace.reference)
    return line
