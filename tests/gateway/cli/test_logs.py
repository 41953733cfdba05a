from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING

import pytest
import structlog

from gateway.cli import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBER = "+12065550142"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    yield io.StringIO()
    logging.captureWarnings(capture=False)
    logging.getLogger().handlers[:], logging.getLogger().level = before
    structlog.reset_defaults()


def _fail(sentence: str) -> None:
    raise RuntimeError(sentence)


def test_a_line_for_programs_is_json_with_its_level_and_time(stream: io.StringIO) -> None:
    logs.configure("INFO", "json", stream)
    structlog.get_logger().info("started", action="app.start", port=1)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["action"], line["port"]) == ("started", "info", "app.start", 1)
    assert line["timestamp"].endswith("Z")


def test_a_line_for_people_is_a_line(stream: io.StringIO) -> None:
    logs.configure("INFO", "console", stream)
    structlog.get_logger().info("started", action="app.start")
    assert "started" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_what_is_below_the_level_is_not_logged(stream: io.StringIO) -> None:
    logs.configure("WARNING", "json", stream)
    structlog.get_logger().info("started")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_line_holds_a_text_a_secret_or_a_full_number(stream: io.StringIO, form: str) -> None:
    logs.configure("DEBUG", form, stream)
    log, line = structlog.get_logger(), f"to {NUMBER}"
    log.debug(line, body="my text", to=NUMBER, tried=[NUMBER], more={"text": "my text"}, key="hg_abcdefghijkl")
    written = stream.getvalue()
    assert "my text" not in written
    assert NUMBER not in written
    assert "hg_abcdefghijkl" not in written
    assert "+*********42" in written


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_error_is_logged_with_its_traceback_and_without_what_a_statement_was_given(
    stream: io.StringIO, form: str
) -> None:
    logs.configure("INFO", form, stream)
    try:
        _fail(f"cannot write [parameters: ('my text', '{NUMBER}')]")
    except RuntimeError:
        structlog.get_logger().exception("unforeseen", action="api.error")
    written = stream.getvalue()
    assert "RuntimeError" in written
    assert "Traceback" in written
    assert "my text" not in written


def test_libraries_are_heard_in_the_same_form_from_warnings_on(stream: io.StringIO) -> None:
    logs.configure("INFO", "json", stream)
    logging.getLogger("aiohttp.server").info("quiet")
    try:
        _fail(NUMBER)
    except RuntimeError:
        logging.getLogger("aiohttp.server").exception("cannot serve %s", NUMBER)
    line = json.loads(stream.getvalue())
    assert line["event"] == "cannot serve +*********42"
    assert "RuntimeError: +*********42" in line["exception"]
