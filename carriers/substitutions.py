"""Characters that say the same in the alphabet an SMSC takes: offered to save parts, applied only when a caller asks.

Rule 1. A character that the alphabet holds is never touched.
Rule 2. First by look: quotation marks, dashes, spaces, full-width and mathematical letters, ligatures. Reading the text
        is the same.
Rule 3. A letter that looks like no other loses its accent, and only where the bare letter is in the alphabet.
Rule 4. Nothing that could change an amount: no superscripts and no fractions, for 10 squared would become 102.
Rule 5. All or nothing: one character without a substitute, and the text stays as it is.
"""

from __future__ import annotations

import unicodedata
from typing import Final, TypeAlias

from carriers.graphemes import graphemes

Substituted: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""The whole text, and each different pair (from, to) in order of first appearance."""

# Substitute, then the characters it stands for: by code point, since on a screen most of them cannot be told apart.
_LOOK_ALIKES: Final = (
    # Typographic, prime, modifier and angle quotation marks; the grave and the acute accent standing alone.
    ("'", "\u2018\u2019\u201a\u201b\u2032\u2035\u02b9\u02bb\u02bc\u02bd\u02c8\u2039\u203a\u0060\u00b4"),
    ('"', "\u201c\u201d\u201e\u201f\u2033\u2036\u02ba\u00ab\u00bb\u301d\u301e\u301f\u00a8"),
    # Hyphens, dashes, the minus sign, the horizontal bar, the hyphen bullet, the middle dot that parts words.
    ("-", "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58\ufe63\u00af\u00b7"),
    ("...", "\u2026"),
    ("*", "\u2022\u2023\u25cf\u25aa\u25e6\u2219\u2217\u204e"),
    # Tabulator, no-break, Ogham, the widths from en quad to hair, narrow no-break, mathematical, ideographic.
    (" ", "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"),
    ("\n", "\v\u0085\u2028\u2029"),
    # Seen by nobody: zero-width characters, the soft hyphen, variation selectors, marks of direction.
    ("", "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\ufe0e\ufe0f"),
    ("", "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"),
    (",", "\u00b8"),
    (".", "\u2024"),
    ("/", "\u2044\u2215"),
    ("|", "\u00a6\u2223"),
    ("~", "\u223c\u02dc"),
    ("^", "\u02c6"),
    (":", "\u2236"),
    ("x", "\u00d7"),
    ("<=", "\u2264"),
    (">=", "\u2265"),
    ("->", "\u2192"),
    ("<-", "\u2190"),
    ("(C)", "\u00a9"),
    ("(R)", "\u00ae"),
    ("TM", "\u2122"),
    # Greek capitals drawn as Latin ones. GSM 7-bit holds only the others.
    *zip(
        "ABEZHIKMNOPTYX",
        "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7",
        strict=True,
    ),
)
_BY_LOOK: Final = {source: target for target, sources in _LOOK_ALIKES for source in sources}

# Letters whose accent Unicode does not take apart, or that are written with two bare ones.
_BARE_LETTERS: Final = {
    "\u0131": "i",  # dotless i
    "\u0141": "L",  # L with stroke
    "\u0142": "l",
    "\u0110": "D",  # D with stroke
    "\u0111": "d",
    "\u0126": "H",  # H with stroke
    "\u0127": "h",
    "\u0152": "OE",  # ligature, a letter of French
    "\u0153": "oe",
}

# The kinds of compatibility character (Unicode Character Database, field 5) that read the same; rule 4 bars the rest.
_SAME_READING: Final = frozenset({"<compat>", "<font>", "<narrow>", "<noBreak>", "<wide>"})


def substituted(text: str, alphabet: frozenset[str]) -> Substituted | None:
    """The text in characters of the alphabet alone, or None when it cannot be had. No pairs: nothing had to change."""
    clusters = graphemes(text)
    replaced: dict[str, str] = {}
    for cluster in clusters:
        if cluster in replaced or alphabet.issuperset(cluster):
            continue
        substitute = _substitute(cluster, alphabet)
        if not alphabet.issuperset(substitute):
            return None
        replaced[cluster] = substitute
    return "".join(replaced.get(cluster, cluster) for cluster in clusters), tuple(replaced.items())


def _substitute(cluster: str, alphabet: frozenset[str]) -> str:
    """One grapheme rewritten as far as it goes. Composed first: e and a combining acute are the one letter."""
    composed = unicodedata.normalize("NFC", cluster)
    alike = "".join(_alike(character, alphabet) for character in composed)
    return "".join(_bare(character, alphabet) for character in alike)


def _alike(character: str, alphabet: frozenset[str]) -> str:
    if character in alphabet:
        return character
    if character in _BY_LOOK:
        return _BY_LOOK[character]
    if unicodedata.decomposition(character).partition(" ")[0] not in _SAME_READING:
        return character
    plain = unicodedata.normalize("NFKC", character)
    return "".join(part if part in alphabet else _BY_LOOK.get(part, part) for part in plain)


def _bare(character: str, alphabet: frozenset[str]) -> str:
    if character in alphabet:
        return character
    if character in _BARE_LETTERS:
        return _BARE_LETTERS[character]
    return "".join(part for part in unicodedata.normalize("NFD", character) if not unicodedata.combining(part))
