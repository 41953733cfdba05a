"""Slips of the finger on an opt-out word: near enough to ask, not to act.

Rule 1  STOP is four letters, so one edit away lie "shop", "step" and "top". Only what a thumb does counts: two letters
        swapped ("stpo"), one doubled ("stopp"), one hit beside its key ("atop" aside, which is a word).
Rule 2  Longer words allow one edit, UNSUBSCRIBE two: a letter left out, put in, changed, or two neighbours swapped.
Rule 3  A word that is right in itself ("subscribe", "cancels") is no slip.
"""

from __future__ import annotations

from functools import cache
from typing import Final

_STOP: Final = "stop"
_BESIDE: Final = {"s": "awedxz", "t": "rfgy65", "o": "iklp09", "p": "ol0"}  # on a QWERTY keyboard
_LONGER: Final = {"unsubscribe": 2, "cancel": 1, "revoke": 1, "optout": 1, "stopall": 1}
_RIGHT_IN_THEMSELVES: Final = frozenset({
    "atop", "stoop", "subscribe", "resubscribe", "cancels", "cancer", "chancel", "evoke", "revoked", "revokes",
})  # fmt: skip
_MOST_WORDS = 3  # "un sub scribe"


def intended(words: tuple[str, ...]) -> str:
    """The folded opt-out word that a short message was probably meant to be, or "".

    Takes the message's words without courtesies; a word broken by blanks ("un subscribe") counts as one slip.
    """
    joined = "".join(words)
    if len(words) > _MOST_WORDS or joined in _RIGHT_IN_THEMSELVES:
        return ""
    if joined in _slips_of_stop() or joined == _STOP:
        return _STOP
    return next((word for word, most in _LONGER.items() if _is_within(joined, word, most)), "")


@cache
def _slips_of_stop() -> frozenset[str]:
    cuts = [(_STOP[:at], _STOP[at:]) for at in range(len(_STOP))]
    swapped = {head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if tail[1:]}
    doubled = {head + tail[0] + tail for head, tail in cuts}
    beside = {head + key + tail[1:] for head, tail in cuts for key in _BESIDE[tail[0]]}
    return frozenset(swapped | doubled | beside)


def _is_within(text: str, word: str, most: int) -> bool:
    """Whether ``word`` is at most ``most`` edits away (Damerau-Levenshtein, optimal string alignment)."""
    strangers = sum(letter not in word for letter in text)  # each costs an edit: a cheap way out for most texts
    if strangers > most or abs(len(text) - len(word)) > most:
        return False
    above: list[int] = []
    row = list(range(len(word) + 1))
    for at, letter in enumerate(text, start=1):
        above, row = row, _next_row(word, at, (text[at - 2 : at - 1], letter), above, row)
    return row[-1] <= most


def _next_row(word: str, at: int, letters: tuple[str, str], above: list[int], row: list[int]) -> list[int]:
    """The next row of the table; ``letters`` are the last one of the text before it, if any, and its own."""
    earlier, letter = letters
    following = [at]
    for column, other in enumerate(word, start=1):
        cost = min(row[column] + 1, following[-1] + 1, row[column - 1] + (letter != other))
        if above and column > 1 and letter == word[column - 2] and earlier == other:
            cost = min(cost, above[column - 2] + 1)
        following.append(cost)
    return following
