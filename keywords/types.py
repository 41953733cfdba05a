"""What goes into the keyword engine and what comes out: frozen values, no IO.

The names of the actions are those of Amazon's pinpoint-sms-voice-v2 model (``KeywordAction``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What an identity's keyword does when a person texts it."""

    AUTOMATIC_RESPONSE = "AUTOMATIC_RESPONSE"  # answer with the keyword's message
    OPT_OUT = "OPT_OUT"  # put the person on the opt-out list, then answer
    OPT_IN = "OPT_IN"  # take the person off the opt-out list, then answer


class MatchMode(StrEnum):
    """How much of the text a keyword must be."""

    WHOLE = "whole"  # the whole message, after folding
    BEGINS = "begins"  # Amazon's rule: the message is the keyword, or begins with it and goes on with a new word


class Meaning(StrEnum):
    """What a person's text means to the opt-out list and to whoever answers."""

    OPT_OUT = "OPT_OUT"
    OPT_IN = "OPT_IN"
    HELP = "HELP"  # answered also when the person has opted out
    OWN = "OWN"  # a keyword of the identity's own that only answers
    REVIEW = "REVIEW"  # reads like a revocation, but not for certain: a person decides
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class Keyword:
    """One row of an identity or pool, STOP and HELP included. ``message`` is the answer; empty: no answer."""

    word: str
    action: Action
    message: str = ""


@dataclass(frozen=True, slots=True)
class KeywordSet:
    """All rows of one identity or pool, and how they are matched.

    ``self_managed``: the owner handles opt-outs (Amazon's SelfManagedOptOutsEnabled). The engine reads the text just
    the same and says so in ``note``; the caller reports the match and acts on nothing.
    """

    keywords: tuple[Keyword, ...]
    mode: MatchMode = MatchMode.WHOLE
    self_managed: bool = False


@dataclass(frozen=True, slots=True)
class KeywordMatch:
    """What the engine read, and why. There is always one; ``Meaning.NONE`` when nothing matched."""

    meaning: Meaning
    keyword: Keyword | None  # the identity's row whose message is the answer, if it has one
    word: str  # the word or phrase that matched, as listed; "" when none did
    matched_text: str  # the part of the folded text that matched
    how: str  # one sentence for a person, ending with the rule id
    rule: str  # stable id: own_word, catalog_whole, strong_phrase, ... (see keywords.engine)
    language: str = ""  # ISO 639-1 of the word, "" when it is the identity's own
    sources: tuple[str, ...] = ()  # public addresses where the word or the rule is stated
    note: str = ""


class KeywordError(ValueError):
    """A keyword cannot be stored or removed; names the field, a stable code, and one sentence with what to do."""

    def __init__(self, field: str, code: str, sentence: str) -> None:
        super().__init__(f"{field}: {sentence}")
        self.field = field
        self.code = code
        self.sentence = sentence
