"""What a person counts as one character: extended grapheme clusters (Unicode Standard Annex 29)."""

from __future__ import annotations

from typing import Final

import regex  # type: ignore[import-untyped]  # it ships no type information

_GRAPHEME: Final = regex.compile(r"\X")
# Characters of the break class Other join neither each other nor a line feed (Annex 29, rules GB4, GB5 and GB999).
_ALONE: Final = regex.compile(r"[\p{Grapheme_Cluster_Break=Other}\n]*+")


def graphemes(text: str) -> list[str]:
    """The clusters of a text in order; joined they are the text."""
    found: list[str] = _GRAPHEME.findall(text)
    return found


def is_plain(text: str) -> bool:
    """Whether every code point surely stands alone, as in most text of most scripts: far cheaper than to part it."""
    return _ALONE.fullmatch(text) is not None
