"""What a text means by itself, whatever keywords the identity that got it has: the catalog and the rules around it.

The rules stand in ``RULES`` in the order they are tried; the first that answers wins. Each takes a ``Text`` and returns
a ``KeywordMatch`` without the identity's row, which ``keywords.engine`` adds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from keywords import courtesy, phrases, typos
from keywords.catalog import RULE_SOURCES, CatalogWord, find, find_idle
from keywords.normalize import fold
from keywords.types import KeywordMatch, Meaning

if TYPE_CHECKING:
    from collections.abc import Callable

# France: "STOP 36180" or "STOP au 36180" to an operator's short code.
_STOP_CODE: Final = re.compile(r"stop (?:au )?\d{3,8}")
# Three of a letter are emphasis, never spelling.
_STRETCHED: Final = re.compile(r"([^\W\d_])\1{2,}")
_SHORTEST_IDLE = 3  # letters; "R" or "TD" from elsewhere says nothing
_ALL_FILLERS: Final = courtesy.COURTESIES | courtesy.DISMISSALS


@dataclass(frozen=True)
class Text:
    """A person's text and what is known of the person."""

    raw: str
    region: str = ""  # ISO 3166-1 alpha-2 of the person's number
    opt_in_expected: bool = False  # the person is opted out, or was asked to confirm an opt-in

    @cached_property
    def folded(self) -> str:
        return fold(self.raw)

    @cached_property
    def words(self) -> tuple[str, ...]:
        return tuple(self.folded.split())


def read(text: Text) -> KeywordMatch | None:
    """The meaning of a text by itself; None when no rule answers."""
    return next((match for rule in RULES if (match := rule(text))), None)


def acting(text: Text, folded: str) -> CatalogWord | None:
    """The catalog word that acts for this person, if the folded text is one."""
    row = find(folded, text.region)
    return None if row and row.when_expected and not text.opt_in_expected else row


def from_row(row: CatalogWord, matched: str, rule: str, how: str) -> KeywordMatch:
    sources = tuple(dict.fromkeys((*row.sources, *RULE_SOURCES.get(rule, ()))))
    return _match(row.meaning, row.word, matched, rule, how, language=row.languages[0], sources=sources, note=row.note)


def catalog_whole(text: Text) -> KeywordMatch | None:
    """The whole message is a catalog word."""
    row = acting(text, text.folded)
    return from_row(row, text.folded, "catalog_whole", f"The whole message is {row.word}") if row else None


def _catalog_polite(text: Text) -> KeywordMatch | None:
    """Nothing but opt-out words and what may stand beside them, or one other catalog word and courtesies."""
    row = _polite_opt_out(text, text.words) or _polite_other(text)
    if row is None:
        return None
    return from_row(row, text.folded, "catalog_polite", f"The message says nothing but {row.word} and courtesies")


def _catalog_stretched(text: Text) -> KeywordMatch | None:
    """An opt-out word with letters drawn out: "STOPPPP"."""
    shrunk = _STRETCHED.sub(r"\1", text.folded)
    row = _polite_opt_out(text, tuple(shrunk.split())) if shrunk != text.folded else None
    if row is None:
        return None
    return from_row(row, text.folded, "catalog_stretched", f"The message is {row.word} with letters drawn out")


def _polite_opt_out(text: Text, words: tuple[str, ...]) -> CatalogWord | None:
    found = courtesy.find_words(words, _ALL_FILLERS, lambda phrase: _opt_out(text, phrase) is not None)
    return _opt_out(text, found[0]) if found else None


def _polite_other(text: Text) -> CatalogWord | None:
    found = courtesy.find_words(text.words, courtesy.COURTESIES, lambda phrase: acting(text, phrase) is not None)
    return acting(text, found[0]) if len(found) == 1 else None


def _opt_out(text: Text, folded: str) -> CatalogWord | None:
    row = acting(text, folded)
    return row if row and row.meaning is Meaning.OPT_OUT else None


def _strong_alone(text: Text) -> KeywordMatch | None:
    """A phrase such as "stop it" or "remove me", with opt-out words and courtesies at most."""
    words = courtesy.find_words(
        text.words, _ALL_FILLERS, lambda phrase: phrase in phrases.ALONE or _opt_out(text, phrase) is not None
    )
    phrase = next((word for word in words if word in phrases.ALONE), None)
    how = f'The message says nothing but "{phrase}" and courtesies'
    return _match(Meaning.OPT_OUT, phrase, text.folded, "strong_phrase", how, language="en") if phrase else None


def _phrase(text: Text) -> KeywordMatch | None:
    """A revocation in other words, certain or to be decided."""
    reading = phrases.read(text.raw)
    if reading is None:
        return None
    said = f'The message says "{reading.matched}"'
    if reading.certain:
        how = f"{said}, which anyone would take for a revocation"
        return _match(Meaning.OPT_OUT, reading.phrase, reading.matched, "strong_phrase", how, language="en")
    how = f"{said}, but {reading.why}"
    return _match(Meaning.REVIEW, reading.phrase, reading.matched, "possible_revocation", how, language="en")


def _stop_code(text: Text) -> KeywordMatch | None:
    """STOP and a number: the form to reply in France, perhaps a command of the app elsewhere."""
    if not _STOP_CODE.fullmatch(text.folded):
        return None
    in_france = text.region == "FR"
    where = "the form that France uses" if in_france else "the form that France uses; the number is not known as French"
    meaning = Meaning.OPT_OUT if in_france else Meaning.REVIEW
    return _match(meaning, "STOP <code>", text.folded, "stop_code", f"STOP and a code, {where}", language="fr")


def _near_typo(text: Text) -> KeywordMatch | None:
    """One slip of the finger away from an opt-out word."""
    core = courtesy.strip(text.words)
    word = typos.intended(core)
    how = f"The message is a slip of the finger away from {word.upper()}"
    return _match(Meaning.REVIEW, word.upper(), " ".join(core), "near_typo", how, language="en") if word else None


def _idle_word(text: Text) -> KeywordMatch | None:
    """An opt-out word that is not confirmed, or is one in another country."""
    core = " ".join(courtesy.strip(text.words))
    row = find_idle(core, text.region)
    if row is None or row.meaning is not Meaning.OPT_OUT or len(core) < _SHORTEST_IDLE:
        return None
    why = (
        "acts only in " + ", ".join(row.regions) if row.confirmed else f"is listed as {row.certainty} and does not act"
    )
    how = f"The whole message is {row.word}, which {why}"
    return _match(Meaning.REVIEW, row.word, core, "idle_word", how, language=row.languages[0], sources=row.sources)


def _match(
    meaning: Meaning,
    word: str,
    matched: str,
    rule: str,
    how: str,
    *,
    language: str = "",
    sources: tuple[str, ...] | None = None,
    note: str = "",
) -> KeywordMatch:
    known = RULE_SOURCES.get(rule, ()) if sources is None else sources
    return KeywordMatch(meaning, None, word, matched, f"{how} ({rule}).", rule, language, known, note)


RULES: Final[tuple[Callable[[Text], KeywordMatch | None], ...]] = (
    catalog_whole,
    _catalog_polite,
    _catalog_stretched,
    _strong_alone,
    _stop_code,
    _phrase,
    _near_typo,
    _idle_word,
)


def takes_away(word: str) -> bool:
    """Whether giving ``word`` another action would take an opt-out away from the people who text it.

    True for the words marked required in the catalog, alone or with courtesies, and for plain revocations
    ("no more texts"); false for words that only a platform lists.
    """
    match = read(Text(word))
    if match is None or match.meaning is not Meaning.OPT_OUT:
        return False
    row = find(fold(word))
    return row is None or row.required
