"""Logs: one stream of structured lines, JSON for machines or columns for people, without personal data.

Whoever logs says nothing of a person in the first place. Beside that, two nets: what looks like a phone number is masked
in every value, and of an exception only its type and its frames are told, with its words where they are our own.
"""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from traceback import extract_tb
from types import TracebackType
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

Format = Literal["auto", "human", "json"]

#: +86 138 0013 8000 in any grouping, and eleven digits in a row, as a Chinese mobile number has, with its country's or without.
_PHONE: Final = re.compile(r"\+[1-9](?:[ ().-]{0,2}\d){6,14}|(?<!\d)(?:(?:00)?86)?\d{11}(?!\d)")
_PASSWORD: Final = re.compile(r"(://[^/\s:@]*):\S+@")  # up to the last @: a password may hold one, or a slash
#: Libraries that write their arguments, frames or queries at lower levels.
_TALKATIVE: Final = (
    "aio_pika", "aiormq", "aiosqlite", "alembic", "amqp", "apscheduler", "asyncio", "asyncpg", "httpcore", "httpx", "kombu",
    "sqlalchemy", "uvicorn",
)  # fmt: skip
_OURS: Final = frozenset({"console", "consumers", "duebell", "schedules", "service"})


def set_up(level: str = "info", log_format: Format = "auto", stream: TextIO | None = None) -> None:
    """Sends structlog and the standard library's logging to one stream (standard error); may be called again."""
    out = sys.stderr if stream is None else stream
    human = log_format == "human" or (log_format == "auto" and out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_CHAIN, processors=[_own_fields_only, _without_people, *_last(human)]
        )
    )
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level.upper())
    for name in _TALKATIVE:
        _quieten(logging.getLogger(name))
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_CHAIN, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _quieten(logger: logging.Logger) -> None:
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(max(logging.WARNING, logging.root.level))


def masked(value: Any) -> Any:
    """A value with everything in it that looks like a phone number masked, as 138****8000, and passwords in URLs too."""
    if isinstance(value, bool) or value is None or isinstance(value, float):
        return value
    if isinstance(value, int):
        text = str(value)
        return value if text == _hidden(text) else _hidden(text)
    if isinstance(value, Mapping):
        return {masked(key): masked(inner) for key, inner in value.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} bytes"
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str):
        return [masked(inner) for inner in value]
    return _hidden(value if isinstance(value, str) else repr(value))


def _hidden(text: str) -> str:
    return _PASSWORD.sub(r"\1:****@", _PHONE.sub(lambda found: _mask(found[0]), text))


def _mask(number: str) -> str:
    digits = re.sub(r"\D", "", number)
    head = digits[:3] if digits == number else ""
    return f"{head}****{digits[-4:]}"


def told(error: BaseException) -> str:
    """An exception for a log: its type, its words where they are ours or the system's, and what caused it."""
    words = f": {error}" if _is_harmless(error) and str(error) else ""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return f"{type(error).__name__}{words}" + (f" < {told(cause)}" if cause else "")


def _is_harmless(error: BaseException) -> bool:
    """Whether its words are known to hold no data: a library's may quote its input, as pydantic's do."""
    return type(error).__module__.partition(".")[0] in _OURS or isinstance(error, OSError)


def _tell_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Puts `error` and `frames` in place of a traceback."""
    found = _found(event.pop("exc_info", None))
    if found:
        event["error"] = told(found)
        event["frames"] = _frames(found.__traceback__)
    return event


def _found(info: ExcInfo | BaseException | bool | None) -> BaseException | None:
    if isinstance(info, BaseException):
        return info
    if isinstance(info, tuple):
        return info[1]
    return sys.exc_info()[1] if info else None


def _frames(trace: TracebackType | None) -> list[str]:
    """Where it went wrong, innermost last: file, line, function. The source line may quote data, so it is left out."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in extract_tb(trace)][-12:]


def _without_people(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: masked(value) for key, value in event.items()}


def _own_fields_only(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drops what the formatter adds for itself."""
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    return event


def _last(human: bool) -> list[Processor]:
    if human:
        return [structlog.dev.ConsoleRenderer(colors=False)]
    return [structlog.processors.JSONRenderer(ensure_ascii=False)]


_CHAIN: Final[list[Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _tell_exception,
]
