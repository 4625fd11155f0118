"""Logging as JSON lines on stderr. Values that look like secrets are hidden."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from sqlalchemy.exc import StatementError

SECRET = re.compile(r"passw|secret|token|authorization|cookie|api_?key|credential|card_?number|cvc", re.IGNORECASE)
BEARER = re.compile(r"(?i)\b(bearer|basic) [\w.~+/=-]{8,}|\beyJ[\w-]+\.[\w-]+\.[\w-]*")
HIDDEN = "[hidden]"

PROCESSORS: list[Any] = []  # one list, however often it is filled: loggers hold on to the one they first saw

Event = MutableMapping[str, Any]


def configure(level: str = "INFO") -> None:
    """Make all loggers of this process, the libraries' as well, write one JSON object a line. Safe to call twice."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide_parameters,
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    PROCESSORS[:] = [
        structlog.stdlib.filter_by_level,
        *shared,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ]
    structlog.configure(
        processors=PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    _to_stderr(shared, level)


def hide_secrets(_: Any, __: str, event: Event) -> Event:
    """Hide values whose names match SECRET, and text that looks like a credential. A structlog processor."""
    return {name: HIDDEN if SECRET.search(name) else _clean(value) for name, value in event.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return BEARER.sub(HIDDEN, value)
    if isinstance(value, Mapping):
        return {name: HIDDEN if SECRET.search(str(name)) else _clean(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return [_clean(inner) for inner in value]
    return value


def _hide_parameters(_: Any, __: str, event: Event) -> Event:
    """Hide the bound values of failed SQL statements in exceptions; the SQL is shown."""
    given = event.get("exc_info")
    error = given[1] if isinstance(given, tuple) else sys.exc_info()[1] if given is True else given
    while isinstance(error, BaseException):
        if isinstance(error, StatementError):
            error.hide_parameters = True
        error = error.__cause__ or error.__context__
    return event


def _to_stderr(shared: list[Any], level: str) -> None:
    logging.getLogger("werkzeug").addFilter(_no_paths)
    root = logging.getLogger()
    root.setLevel(level)
    if any(isinstance(handler, Ours) for handler in root.handlers):
        return
    handler = Ours()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(default=repr),
            ],
        )
    )
    root.addHandler(handler)


def _no_paths(record: logging.LogRecord) -> bool:
    """Filter out the development server's request lines, whose paths may hold tokens; the app logs its own line."""
    return " - - [" not in str(record.msg)


class Ours(logging.StreamHandler[Any]):
    """The handler that `configure` adds, of a class of its own so that it is added once."""
