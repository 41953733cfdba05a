"""What the server logs and how: one line an event, on stderr, for people or for programs.

Rule 1: a line never holds the body of a text, a secret or a full phone number, whoever wrote it and at any level: they
are hidden here, at the one place that every line passes.
Rule 2: a line that cannot be written is lost, and nothing else: a full disk that holds the log stops no work.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from typing import TYPE_CHECKING, Any, cast

import structlog
from structlog import dev, processors, stdlib

from gateway.numbers import mask

if TYPE_CHECKING:
    from typing import TextIO

    from structlog.typing import EventDict, Processor

_HIDDEN = frozenset({
    "api_key", "authorization", "body", "cookie", "password", "secret", "short_message", "text", "token", "words",
})  # fmt: skip
_NUMBER = re.compile(r"\+[0-9]{7,15}")
_SECRET = re.compile(r"hg_[A-Za-z0-9_-]{8,}")
# SQLAlchemy's errors repeat what a statement was given: texts and numbers among it.
# https://docs.sqlalchemy.org/en/21/core/engines.html#sqlalchemy.create_engine.params.hide_parameters
_PARAMETERS = re.compile(r"\[parameters: .*")


def configure(level: str, form: str, stream: TextIO | None = None) -> None:
    """Set up structlog, and the standard library's logging for what other libraries say.

    Args:
        level: DEBUG, INFO, WARNING or ERROR. Libraries are heard from WARNING on.
        form: "console" for people, "json" for programs.
        stream: where to; stderr by default.
    """
    target = _Forgiving(stream or sys.stderr)
    lowest = logging.getLevelNamesMapping()[level]
    before: list[Processor] = [
        processors.add_log_level,
        processors.TimeStamper(fmt="iso", utc=True),
        processors.format_exc_info,
        hide,
    ]
    last = _renderer(form, colours=target.isatty())
    structlog.configure(
        processors=[*before, last],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", target)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        stdlib.ProcessorFormatter(
            foreign_pre_chain=before, processors=[stdlib.ProcessorFormatter.remove_processors_meta, last]
        )
    )
    logging.basicConfig(handlers=[handler], level=max(lowest, logging.WARNING), force=True)
    logging.captureWarnings(capture=True)


class _Forgiving:
    """A stream whose trouble is not its writer's: a full disk, or a pipe that nobody reads any more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()


def hide(_logger: object, _method: str, event: EventDict) -> EventDict:
    """A processor that leaves out what must not be logged."""
    return {name: "[hidden]" if name in _HIDDEN else _hidden(value) for name, value in event.items()}


def _hidden(value: Any) -> Any:  # noqa: ANN401 -- whatever is logged
    if isinstance(value, str):
        masked = _NUMBER.sub(lambda found: mask(found[0]), value)
        return _PARAMETERS.sub("[parameters hidden]", _SECRET.sub("hg_[hidden]", masked))
    if isinstance(value, dict):
        return hide(None, "", value)
    if isinstance(value, (list, tuple)):
        return [_hidden(each) for each in value]
    return value


def _renderer(form: str, *, colours: bool) -> Processor:
    if form == "json":
        return processors.JSONRenderer()
    return dev.ConsoleRenderer(colors=colours, exception_formatter=dev.plain_traceback)
