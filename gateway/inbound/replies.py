"""Whether a text is answered automatically, and with what. Pure.

Rule 1: never a reply to a short code or an alphanumeric sender: machines would answer each other.
Rule 2: at most so many automatic replies to one person from one number an hour.
Rule 3: STOP is confirmed once; HELP is answered also for those who opted out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model import Purpose
from keywords.types import Meaning

if TYPE_CHECKING:
    from keywords.types import KeywordMatch

_LEAST_DIGITS = 9  # a plus and eight digits: shorter numbers are short codes

PURPOSES = {
    Meaning.OPT_OUT: Purpose.OPT_OUT_CONFIRMATION,
    Meaning.OPT_IN: Purpose.OPT_IN_CONFIRMATION,
    Meaning.HELP: Purpose.KEYWORD_RESPONSE,
    Meaning.OWN: Purpose.KEYWORD_RESPONSE,
}


def is_person(source: str) -> bool:
    """Whether a sender is somebody's phone: E.164, and longer than a short code."""
    return source.startswith("+") and source[1:].isdigit() and len(source) >= _LEAST_DIGITS


def reply_text(match: KeywordMatch) -> str:
    """What to answer; "" for nothing."""
    return match.keyword.message if match.keyword and match.meaning in PURPOSES else ""
