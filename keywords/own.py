"""The rows of an identity or pool: which every one has, and what a new one may be.

Two rows are mandatory and undeletable, with a fixed action and an editable text: STOP and HELP
(https://docs.aws.amazon.com/sms-voice/latest/userguide/keywords-required.html). START and UNSTOP come with them and may
go. Up to 30 further rows of one's own (Amazon's quota KEYWORDS_PER_PHONE_NUMBER and KEYWORDS_PER_POOL).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from keywords.normalize import fold
from keywords.reading import takes_away
from keywords.types import Action, Keyword, KeywordError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_WORD = 30  # characters
MAX_MESSAGE = 1600  # characters, as a text of the API
MAX_OWN = 30  # rows besides STOP and HELP

_CONTACT = "the company that sent you this message"


def default_keywords(contact: str = _CONTACT) -> tuple[Keyword, ...]:
    """The rows of a new identity. ``contact``: how a person reaches staff ("Acme, +1 206 555 0199"), told by HELP.

    The answer to HELP must carry contact information, and the answer to STOP must confirm and advertise nothing
    (47 CFR 64.1200(a)(12)).
    """
    return (
        Keyword(
            "STOP",
            Action.OPT_OUT,
            "You are opted out and will get no more messages from this number. Reply START to get them again.",
        ),
        Keyword(
            "HELP",
            Action.AUTOMATIC_RESPONSE,
            f"For help, contact {contact}. Reply STOP to get no more messages. Msg & data rates may apply.",
        ),
        *(
            Keyword(word, Action.OPT_IN, "You are opted in again. Reply HELP for help, STOP to opt out.")
            for word in ("START", "UNSTOP")
        ),
    )


DEFAULT: Final = default_keywords()
MANDATORY: Final = DEFAULT[:2]
_FIXED: Final = {fold(row.word): row for row in MANDATORY}


def check_keyword(keyword: Keyword, existing: Iterable[Keyword]) -> None:
    """Refuse a row that cannot work or would take an opt-out away.

    ``existing`` are the identity's rows. One that spells the same word, whatever its case, is the row being replaced.
    Raises KeywordError: word_length, word_blank_edges, word_without_letters, message_length, message_missing,
    action_fixed, opt_out_word, duplicate, too_many.
    """
    _check_word(keyword.word)
    _check_message(keyword)
    _check_action(keyword)
    _check_place(keyword, [row for row in existing if row.word.casefold() != keyword.word.casefold()])


def check_removal(word: str) -> None:
    """Refuse to remove a mandatory row. Raises KeywordError: mandatory."""
    if fold(word) in _FIXED:
        raise KeywordError("word", "mandatory", f"{word} is on every identity and cannot be removed; edit its message")


def _check_word(word: str) -> None:
    if not 1 <= len(word) <= MAX_WORD:
        raise KeywordError("word", "word_length", f"has {len(word)} characters; use 1 to {MAX_WORD}")
    if word != word.strip():
        raise KeywordError("word", "word_blank_edges", "begins or ends with a blank; leave the blanks out")
    if not fold(word):
        raise KeywordError(
            "word", "word_without_letters", "has no letter or digit, so no text could match it; use some"
        )


def _check_message(keyword: Keyword) -> None:
    length = len(keyword.message)
    if length > MAX_MESSAGE:
        raise KeywordError("message", "message_length", f"has {length} characters; use at most {MAX_MESSAGE}")
    if not keyword.message.strip() and fold(keyword.word) in _FIXED:
        raise KeywordError("message", "message_missing", f"{keyword.word} must be answered; give it a message")


def _check_action(keyword: Keyword) -> None:
    fixed = _FIXED.get(fold(keyword.word))
    if fixed and keyword.action is not fixed.action:
        raise KeywordError("action", "action_fixed", f"{fixed.word} always has the action {fixed.action}; use that")
    if keyword.action is not Action.OPT_OUT and takes_away(keyword.word):
        sentence = f"{keyword.word} is an opt-out that people are entitled to; use OPT_OUT, or another word"
        raise KeywordError("action", "opt_out_word", sentence)


def _check_place(keyword: Keyword, others: list[Keyword]) -> None:
    folded = fold(keyword.word)
    twin = next((row for row in others if fold(row.word) == folded), None)
    if twin:
        raise KeywordError("word", "duplicate", f"matches the same texts as {twin.word}; change that one instead")
    own = sum(1 for row in others if fold(row.word) not in _FIXED)
    if own >= MAX_OWN and folded not in _FIXED:
        raise KeywordError("word", "too_many", f"there are {own} keywords, and {MAX_OWN} is the most; remove one first")
