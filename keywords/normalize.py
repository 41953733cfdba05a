"""How a text is folded before it is compared, so that every dressing of a word is the same word.

Rule 1  Compatibility forms count as what they show: full-width, mathematical, circled letters (Unicode NFKD).
Rule 2  Case and the accents of Latin, Greek and Cyrillic letters do not count. Signs that make another letter of a
        letter in other scripts (Thai tones, Indic vowels, kana voicing) do.
Rule 3  What cannot be seen is dropped: zero-width and direction marks, soft hyphens, variation selectors.
Rule 4  An apostrophe inside a word joins it ("don't" is "dont"); everything else that is neither letter nor digit,
        emoji included, separates words.
Rule 5  Three or more single letters in a row are one word spelt out ("s t o p", "S.T.O.P").

The result is decomposed (NFKD), lower case, its words parted by single spaces, and folds to itself. Each character is
folded alone: the time is linear whatever the text, where Unicode's canonical reordering of a long run of marks is not.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby

_APOSTROPHES = frozenset("'`\u00b4\u02b9\u02bb\u02bc\u02bd\u2018\u2019\u201b\u2032\uff07")

# Hangul fillers are letters by category and blank on the screen.
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")

_ACCENTS_AND_INVISIBLE = (
    (0x0300, 0x036F),  # combining diacritical marks, with the grapheme joiner
    (0x180B, 0x180F),  # Mongolian variation selectors and vowel separator
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),  # enclosing marks: keycaps, "no entry" rings
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFE20, 0xFE2F),
    (0xE0000, 0xE0FFF),  # tags and further variation selectors
)

_INNER_APOSTROPHE = re.compile(r"(?<=[^ '])'+(?=[^ '])")
_SPELT_OUT = 3  # letters; two ("ok u r") are text speak

# What parts one clause from the next: these marks before a blank or the end, or a new line.
_CLAUSE_END = re.compile(r"[.!?;:,\u2026\u3002\uff01\uff0c\uff1b\uff1f\u3001\u060c\u061f\u0964]+(?=\s|$)|[\r\n]+")


def fold(text: str) -> str:
    """The text as the engine compares it; empty when nothing of it is a letter or a digit."""
    plain = "".join(map(_fold_character, text))
    words = _INNER_APOSTROPHE.sub("", plain).replace("'", " ").split()
    return " ".join(_join_spelt_out(words))


def clauses(text: str) -> tuple[str, ...]:
    """The folded clauses of a text, in order, without the empty ones."""
    return tuple(folded for part in _CLAUSE_END.split(text) if (folded := fold(part)))


@lru_cache(maxsize=4096)
def _fold_character(character: str) -> str:
    """Zero or more characters, each of which folds to itself."""
    if character in _APOSTROPHES:
        return "'"
    # Folding case can bring back what decomposition took away, and the other way round: Unicode 3.13, D146.
    spelt = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(map(_keep, unicodedata.normalize("NFKD", spelt.casefold())))


def _keep(character: str) -> str:
    if character in _APOSTROPHES:
        return "'"
    if _is_unseen(character):
        return ""
    is_word = character.isalnum() or unicodedata.category(character).startswith("M")
    return character if is_word else " "


def _is_unseen(character: str) -> bool:
    if character in _BLANK_LETTERS or unicodedata.category(character) == "Cf":
        return True
    code = ord(character)
    return any(first <= code <= last for first, last in _ACCENTS_AND_INVISIBLE)


def _join_spelt_out(words: list[str]) -> list[str]:
    joined: list[str] = []
    for is_letter, group in groupby(words, key=lambda word: len(word) == 1 and word.isalpha()):
        run = list(group)
        joined += ["".join(run)] if is_letter and len(run) >= _SPELT_OUT else run
    return joined
