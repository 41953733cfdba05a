"""What a person's text means to the identity that got it, and why.

Rule 1  The identity's own keywords come first, in exact equality after folding: an app that owns "STOP 12345" gets
        that text, and nobody is opted out.
Rule 2  An own keyword cannot take an opt-out away: one with another action on STOP, END, "no more texts" and the like
        is passed over (``own.check_keyword`` refuses it in the first place).
Rule 3  Then the catalog, whole message; then, in mode ``begins``, the longest keyword that the text begins with.
Rule 4  Then readings that are certain (courtesies, drawn-out letters, strong phrases), and last what asks for a
        person's decision (REVIEW). Opting in and HELP are never guessed: only the word and courtesies count.
Rule 5  START and UNSTOP opt in whether or not the identity has a row for them; YES only when the person is opted out
        or was asked. An own row of the same word with another action takes them over.

Rule ids: own_word, own_polite, begins, catalog_whole, catalog_polite, catalog_stretched, strong_phrase, stop_code,
near_typo, idle_word, possible_revocation; empty, not_expected and no_match go with ``Meaning.NONE``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from keywords import courtesy
from keywords.catalog import CATALOG, RULE_SOURCES, find
from keywords.normalize import fold
from keywords.own import DEFAULT, MANDATORY, check_keyword, check_removal, default_keywords
from keywords.reading import Text, catalog_whole, from_row, read, takes_away
from keywords.types import Action, Keyword, KeywordError, KeywordMatch, KeywordSet, MatchMode, Meaning

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "DEFAULT",
    "MANDATORY",
    "KeywordError",
    "check_keyword",
    "check_removal",
    "default_keywords",
    "match",
]

_SHORTEST_BEGINNING = 2  # letters; a text that begins with "R " is a text
_ANSWERED_BY: Final = {
    Meaning.OPT_OUT: (Action.OPT_OUT, ("stop",)),
    Meaning.HELP: (Action.AUTOMATIC_RESPONSE, ("help",)),
    Meaning.OPT_IN: (Action.OPT_IN, ("start", "unstop")),
}
_SELF_MANAGED = "Opt-outs are self-managed here: report this, act on nothing."


def match(
    text: str, keywords: KeywordSet, *, opted_out: bool = False, opt_in_pending: bool = False, region: str = ""
) -> KeywordMatch:
    """What ``text`` means to an identity with these keywords. Always answers, in time linear in the text.

    Args:
        text: the whole message as received, parts joined.
        keywords: the rows of the identity, or of its pool.
        opted_out: the person is on the identity's opt-out list.
        opt_in_pending: the person was asked to confirm an opt-in.
        region: ISO 3166-1 alpha-2 of the person's number; words of one country act only there.
    """
    said = Text(text, region.upper(), opted_out or opt_in_pending)
    rows = _rows(keywords)
    found = _own_word(said, rows) or _found(said, rows, keywords.mode) or _nothing(said)
    answered = found if found.keyword else replace(found, keyword=_answer(found.meaning, rows))
    return replace(answered, note=f"{answered.note} {_SELF_MANAGED}".strip()) if keywords.self_managed else answered


def _found(said: Text, rows: Mapping[str, Keyword], mode: MatchMode) -> KeywordMatch | None:
    begins = mode is MatchMode.BEGINS
    return catalog_whole(said) or (_begins(said, rows) if begins else None) or _own_polite(said, rows) or read(said)


@lru_cache(maxsize=512)
def _rows(keywords: KeywordSet) -> Mapping[str, Keyword]:
    """The rows by folded word, without those that would take an opt-out away."""
    usable = (row for row in keywords.keywords if row.action is Action.OPT_OUT or not takes_away(row.word))
    return MappingProxyType({folded: row for row in usable if (folded := fold(row.word))})


def _own_word(said: Text, rows: Mapping[str, Keyword]) -> KeywordMatch | None:
    row = rows.get(said.folded)
    if row is None:
        return None
    return _own(row, said.folded, "own_word", f"The whole message is {row.word}, a keyword of this identity")


def _own_polite(said: Text, rows: Mapping[str, Keyword]) -> KeywordMatch | None:
    found = courtesy.find_words(said.words, courtesy.COURTESIES, rows.__contains__)
    if len(found) != 1:
        return None
    row = rows[found[0]]
    how = f"The message says nothing but {row.word}, a keyword of this identity, and courtesies"
    return _own(row, said.folded, "own_polite", how)


def _begins(said: Text, rows: Mapping[str, Keyword]) -> KeywordMatch | None:
    """The longest own keyword or catalog opt-out word that the text begins with, up to the end of a word."""
    listed = (word for word in CATALOG if _may_begin(word, said.region))
    hits = [word for word in (*rows, *listed) if f"{said.folded} ".startswith(f"{word} ")]
    if not hits:
        return None
    word = max(hits, key=len)
    if row := rows.get(word):
        return _own(row, word, "begins", f"The message begins with {row.word}, a keyword of this identity")
    return from_row(CATALOG[word], word, "begins", f"The message begins with {CATALOG[word].word}")


def _may_begin(word: str, region: str) -> bool:
    row = find(word, region)
    return row is not None and row.meaning is Meaning.OPT_OUT and len(word) >= _SHORTEST_BEGINNING


def _own(row: Keyword, matched: str, rule: str, how: str) -> KeywordMatch:
    listed = find(fold(row.word))
    sources = (*(listed.sources if listed else ()), *RULE_SOURCES.get(rule, ()))
    language = listed.languages[0] if listed else ""
    return KeywordMatch(_meaning(row), row, row.word, matched, f"{how} ({rule}).", rule, language, sources)


def _meaning(row: Keyword) -> Meaning:
    if row.action is not Action.AUTOMATIC_RESPONSE:
        return Meaning(row.action.value)
    listed = find(fold(row.word))
    return Meaning.HELP if listed and listed.meaning is Meaning.HELP else Meaning.OWN


def _answer(meaning: Meaning, rows: Mapping[str, Keyword]) -> Keyword | None:
    """The row whose message answers a word that has no row of its own: QUIT is answered as STOP is."""
    action, words = _ANSWERED_BY.get(meaning, (None, ()))
    return next((row for word in words if (row := rows.get(word)) and row.action is action), None)


def _nothing(said: Text) -> KeywordMatch:
    rule, how = _why_nothing(said)
    return KeywordMatch(Meaning.NONE, None, "", "", f"{how} ({rule}).", rule)


def _why_nothing(said: Text) -> tuple[str, str]:
    if not said.folded:
        return "empty", "The message has no letter or digit"
    if row := find(said.folded, said.region):  # it acts here and did not: it waits to be expected
        return "not_expected", f"{row.word} opts in only a person who is opted out or was asked to confirm"
    return "no_match", "No keyword and nothing that reads like a revocation"
