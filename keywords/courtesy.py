"""Words that may stand beside a keyword without changing what it says: "STOP please", "Stop. Thank you".

Rule 1  A message made only of keywords and courtesies is the keyword.
Rule 2  Courtesies fit any keyword. Dismissals ("now", "wrong number") fit an opt-out only: any other
        reading is weaker for them.
Rule 3  The longest entry wins at each word, so "please opt me out" is itself, not "please" and a remainder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

COURTESIES: Final = frozenset({
    "please", "pls", "plz", "plse", "pleas", "kindly", "thanks", "thank you", "thank u", "thankyou", "many thanks",
    "thanks in advance", "thx", "tks", "ty", "ok", "okay", "hi", "hello", "hey", "sir", "madam", "maam", "cheers",
    "svp", "stp", "s il vous plait", "sil vous plait", "merci", "por favor", "gracias", "bitte", "danke", "obrigado",
    "obrigada",
})  # fmt: skip

DISMISSALS: Final = frozenset({
    "now", "right now", "just", "already", "immediately", "asap", "at once", "i said", "enough", "no thanks",
    "no thank you", "not interested", "im not interested", "i am not interested", "wrong number", "wrong person",
    "sorry wrong number", "maintenant",
})  # fmt: skip

_LONGEST = 5  # words in one entry


def find_words(words: Sequence[str], fillers: Collection[str], is_word: Callable[[str], bool]) -> tuple[str, ...]:
    """The keywords of a message made only of keywords and fillers, in order; empty when anything else is in it."""
    found: list[str] = []
    at = 0
    while at < len(words):
        phrase = _longest_at(words, at, lambda phrase: is_word(phrase) or phrase in fillers)
        if not phrase:
            return ()
        if is_word(phrase):
            found.append(phrase)
        at += phrase.count(" ") + 1
    return tuple(found)


def strip(words: Sequence[str]) -> tuple[str, ...]:
    """The words without the courtesies and dismissals that stand before and behind them."""
    start, end = 0, len(words)
    while phrase := _longest_at(words, start, _is_filler):
        start += phrase.count(" ") + 1
    while phrase := _longest_before(words, start, end, _is_filler):
        end -= phrase.count(" ") + 1
    return tuple(words[start:end])


def _is_filler(phrase: str) -> bool:
    return phrase in COURTESIES or phrase in DISMISSALS


def _longest_at(words: Sequence[str], at: int, fits: Callable[[str], bool]) -> str:
    sizes = range(min(_LONGEST, len(words) - at), 0, -1)
    return next((phrase for size in sizes if fits(phrase := " ".join(words[at : at + size]))), "")


def _longest_before(words: Sequence[str], start: int, end: int, fits: Callable[[str], bool]) -> str:
    sizes = range(min(_LONGEST, end - start), 0, -1)
    return next((phrase for size in sizes if fits(phrase := " ".join(words[end - size : end]))), "")
