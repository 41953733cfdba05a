"""Revocations in a person's own words.

47 CFR 64.1200(a)(10) counts any wording that a reasonable person would take for one; CTIA 5.1.3 names natural language.

Rule 1  A strong phrase ("take me off your list") is certain when nothing around it can turn it: before it only words
        such as "please", "I want you to", "wrong number"; behind it the end, or words such as "anymore", "or", "I".
        "Stop texting me at work" and "tell Bob to stop texting me" are therefore not certain.
Rule 2  A strong phrase that is not certain, and a cue (a weaker phrase), ask for a person's decision.
Rule 3  Negated, neither counts: at the head of what is said ("please don't stop texting me", "I never asked you to
        stop texting me") it says nothing; further on ("if you don't stop texting me") a person decides.
Rule 4  A keyword that is about something else is not a cue: "stop by at 5", "bus stop", "end of the month",
        "cancel my 3pm".

Phrases are read in the message as a whole and in each of its clauses, and the strongest reading counts. Only the first
place of each phrase is looked at, which keeps the time linear; the patterns repeat nothing without a bound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from keywords.normalize import clauses, fold

_ME: Final = "(?:me|us|this number|my number|my phone|this phone|my cell)"
_DO: Final = "(?:text|txt|message|msg|sms|contact|spam|bother|harass)"
_DOING: Final = "(?:texting|txting|messaging|msging|smsing|contacting|spamming|bothering|harassing)"
_TEXTS: Final = "(?:(?:text|txt|sms) (?:messages?|msgs?)|texts?|txts?|messages?|msgs?|sms|spam)"
_WHICH: Final = (
    "(?:(?:all|any|more|the|these|those|this|your|of|further|future|marketing|promotional|such"
    "|me|us|sending|getting|receiving|to|get|receive) ){0,5}"
)
_WHOSE: Final = (
    "(?:(?:your|this|the|that|these|all|any|text|texting|sms|mailing|contact|marketing|message|messaging|phone|call"
    "|distribution|further|future) ){0,4}"
)
_SIGNALS: Final = "(?:alerts?|notifications?|reminders?|updates?)"
_STOP: Final = "(?:stop|quit|cease|discontinue)"
_DO_NOT: Final = "(?:do not|dont|never|no longer)"
_LISTS: Final = "(?:lists?|texts?|messages?|database|distribution|everything|all)"

# (name, pattern). The name is what people read in KeywordMatch.word.
_STRONG_TABLE: Final = (
    ("stop texting me", rf"{_STOP} {_DOING}(?: {_ME})?"),
    ("stop all messages", rf"(?:{_STOP}|end|no more) (?:with )?{_WHICH}{_TEXTS}"),
    ("do not text me", rf"{_DO_NOT} (?:ever )?{_DO} {_ME}"),
    ("do not send me messages", rf"{_DO_NOT} (?:ever )?send {_WHICH}{_TEXTS}"),
    ("I do not want messages", rf"{_DO_NOT} (?:want|wish) {_WHICH}{_TEXTS}"),
    ("take me off your list", rf"(?:take|remove|delete|get|drop) {_ME} (?:off|from|out)(?: of)? {_WHOSE}{_LISTS}"),
    ("take me off your list", r"(?:take|remove|delete) (?:my|this) (?:number|phone|name)(?: (?:off|from) your list)?"),
    ("opt me out", rf"opt {_ME} out"),
    ("opt me out", rf"opt(?:ing)? out of {_WHICH}(?:{_TEXTS}|everything)"),
    (
        "I want to opt out",
        r"(?:want|wish|like|need|choose) to (?:opt out|unsubscribe|be (?:removed|taken off|opted out))",
    ),
    ("unsubscribe me", rf"(?:unsubscribe|unsub) {_ME}(?: from {_WHICH}(?:{_TEXTS}|{_LISTS}))?"),
    ("unsubscribe from", rf"(?:unsubscribe|unsub) from {_WHICH}(?:{_TEXTS}|{_LISTS})"),
    (
        "I revoke my consent",
        r"(?:revok|withdraw)(?:e|ing)? (?:my|all|any) (?:prior )?(?:consent|permission|authorization)",
    ),
)

_CUE_TABLE: Final = (
    (
        "stop ... texts",
        (
            rf"(?:{_STOP}|stopped|no more) (?!by |at |in |over |off )(?:\S+ ){{0,2}}"
            rf"(?:{_DO}|{_DOING}|{_TEXTS}|{_SIGNALS}|sending|calling|calls?)"
        ),
    ),
    (
        "cancel my messages",
        rf"(?:cancel|end) (?:(?:my|all|the|these|your|this|any) )?(?:text |sms )?(?:{_TEXTS}|{_SIGNALS}|subscription)",
    ),
    ("... stop", r"stop$"),
    ("no more", r"^no more$"),
    ("unsubscribe", r"(?:unsubscribed?|unsubscribing|unsub|opt(?:ed|ing)? out|optout|opt me)"),
    ("consent", r"(?:(?:revok|withdraw)(?:e|ing)? (?:\S+ ){0,3}consent|(?:do not|dont|no longer) consent)"),
    ("how do I stop this", r"how (?:do|can|to) (?:i |we |you )?(?:stop|end|cancel) (?:this|these|it)"),
    ("leave me alone", r"(?:leave me alone|lose my number|go away|(?:fuck|piss|f) off)"),
    ("who gave you my number", r"(?:who gave you|how did you get|where did you get) (?:me |my |this )(?:\S+ )?number"),
    ("wrong number", r"^(?:\S+ ){0,4}wrong (?:number|person)$"),
    ("not interested", r"not interested$"),
    ("report as spam", r"(?:report(?:ed|ing)? (?:\S+ ){0,3}spam|this is (?:spam|harassment)|harassing me)"),
)  # fmt: skip

# The whole message, courtesies aside; certain without looking around.
ALONE: Final = frozenset({
    "stop it", "stop this", "stop that", "stop these", "stop everything", "stop all of it", "stop all of this",
    "unsubscribe all", "unsub all", "opt out all", "optout all", "opt me out", "opt out me", "remove me",
    "take me off", "un subscribe", "un sub", "end all", "quit it",
})  # fmt: skip

# What may stand before a strong phrase without turning it.
_LEAD: Final = frozenset({
    "please", "pls", "plz", "kindly", "hi", "hello", "hey", "ok", "okay", "yes", "no", "not", "now", "just", "so",
    "and", "or", "but", "again", "i", "im", "ive", "we", "you", "u", "guys", "people", "folks", "all", "would",
    "like", "want", "wish", "need", "to", "could", "can", "will", "really", "asking", "ask", "told", "said", "have",
    "already", "once", "more", "enough", "seriously", "dear", "sir", "madam", "team", "interested", "thanks",
    "thank", "wrong", "number", "sorry", "stop", "quit", "unsubscribe",
})  # fmt: skip
# What may stand behind one: it begins a new thought, or only says "for ever".
_TAIL: Final = re.compile(
    r"(?:please|pls|plz|thanks|thank|thx|ty|now|anymore|any ?more|ever|again|immediately|asap|at (?:all|once)|right now"
    r"|for good|from (?:you|your|this|now|these|here)|to (?:me|us|my|this)|or|and|so|because|i|im|ill|ive|you|u|this is"
    r"|its|it is|who|wrong|not|no|stop|unsubscribe|remove|take|sir|madam)(?: |$)"
)
_NEGATORS: Final = frozenset({
    "dont", "not", "never", "didnt", "wont", "cant", "cannot", "doesnt", "shouldnt", "wouldnt", "couldnt", "isnt",
    "arent", "without",
})  # fmt: skip
# May stand between a negation and what it negates.
_LINKS: Final = frozenset({
    "to", "you", "u", "ever", "please", "want", "wanted", "wants", "wish", "need", "ask", "asked", "asking", "say",
    "said", "tell", "told", "like", "just", "even", "yet", "going", "gonna", "have", "really", "think", "mean",
    "meant", "be", "them", "they", "actually",
})  # fmt: skip
# May stand before a negation that heads what is said.
_HEADS: Final = frozenset({
    "please", "pls", "plz", "kindly", "hi", "hello", "hey", "ok", "okay", "oh", "and", "but", "so", "no", "yes",
    "i", "we", "do", "did", "does", "am", "are", "is", "will", "would", "could", "should", "can",
})  # fmt: skip
# Before "stop" these make it a thing: "bus stop", "the next stop", "full stop".
_NOT_A_REQUEST: Final = frozenset({
    "bus", "tram", "train", "truck", "pit", "rest", "non", "full", "next", "last", "first", "final", "one", "two",
    "a", "an", "the", "my", "this", "that", "your", "our", "each", "every",
})  # fmt: skip
_INTENSIFIERS: Final = frozenset({
    "fucking", "fuckin", "fkn", "damn", "bloody", "freaking", "frigging", "goddamn",
})  # fmt: skip

# "STOP Mary" may be meant; "stop by", "stop here" and the like are about a place or a thing.
_STOP_AND_LITTLE: Final = re.compile(
    r"stop (?!(?:by|at|in|over|off|on|for|and|here|there|the|to|sign|light|watch|worrying|crying|lying|being)\b)"
    r"\S+(?: \S+)?"
)

# Every phrase holds one of these; most texts hold none, and are done.
_TRIGGER: Final = re.compile(
    r"stop|quit|cease|discontinue|end|no more|dont|not|never|no longer|take|remove|delete|get|drop|opt"
    r"|unsub|revok|withdraw|cancel|leave|lose|go away|off|who|how|where|wrong|report|spam|harass"
)


@dataclass(frozen=True, slots=True)
class PhraseReading:
    """A phrase found in a text. ``certain``: nobody would take it for anything but a revocation."""

    certain: bool
    phrase: str  # its name in the tables
    matched: str  # the folded words that matched
    why: str  # why it is not certain; "" when it is


@dataclass(frozen=True, slots=True)
class _Phrase:
    name: str
    pattern: re.Pattern[str]
    strong: bool


def _compile(table: tuple[tuple[str, str], ...], *, strong: bool) -> tuple[_Phrase, ...]:
    return tuple(_Phrase(name, re.compile(rf"(?<!\S)(?:{pattern})(?!\S)"), strong) for name, pattern in table)


_PHRASES: Final = (*_compile(_STRONG_TABLE, strong=True), *_compile(_CUE_TABLE, strong=False))


def read(text: str) -> PhraseReading | None:
    """The strongest reading of a text as received; None when nothing in it reads like a revocation."""
    folded = fold(text)
    if not _TRIGGER.search(folded):
        return None
    weaker: PhraseReading | None = None
    for clause in filter(_TRIGGER.search, dict.fromkeys((folded, *clauses(text)))):
        plain = " ".join(word for word in clause.split() if word not in _INTENSIFIERS)
        for reading in filter(None, (_read(plain, phrase) for phrase in _PHRASES)):
            if reading.certain:
                return reading
            weaker = weaker or reading
    return weaker or _read_stop_and_little(folded)


def _read(clause: str, phrase: _Phrase) -> PhraseReading | None:
    hit = phrase.pattern.search(clause)
    if hit is None:
        return None
    before, after = clause[: hit.start()].split(), clause[hit.end() :].strip()
    doubt = _doubt(phrase, hit[0], before, after)
    return None if doubt is None else PhraseReading(not doubt, phrase.name, hit[0], doubt)


def _doubt(phrase: _Phrase, hit: str, before: list[str], after: str) -> str | None:
    """Why the phrase is not certain where it stands; "" when it is, None when it means nothing there."""
    negated_at = _negation(before)
    if negated_at is not None:
        return None if _HEADS.issuperset(before[:negated_at]) else "it is negated, but not plainly"
    if not phrase.strong:
        is_thing = hit.startswith("stop") and before and before[-1] in _NOT_A_REQUEST
        return None if is_thing else "it may be about something else"
    if not _LEAD.issuperset(before):
        return "what stands before it may turn it"
    return "" if not after or _TAIL.match(after) else "what follows may limit it"


def _negation(before: list[str]) -> int | None:
    """Where the words before a phrase negate it: a negator, then only links."""
    at = len(before) - 1
    while at >= 0 and before[at] in _LINKS:
        at -= 1
    return at if at >= 0 and before[at] in _NEGATORS else None


def _read_stop_and_little(folded: str) -> PhraseReading | None:
    if not _STOP_AND_LITTLE.fullmatch(folded):
        return None
    return PhraseReading(certain=False, phrase="STOP ...", matched=folded, why="STOP is followed by other words")
