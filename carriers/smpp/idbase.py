"""In which base a carrier writes its ids: answers in one, receipts in the other. Learned from receipts that matched.

Rule 1: a match teaches only when exactly one transformation explains it: ``12`` that matched ``12`` could be either.
Rule 2: after ``ENOUGH`` teachings in a row that agree, the base is known; one that disagrees begins anew.
Real cases: Nexmo writes decimal or hexadecimal depending on the account; https://github.com/jookies/jasmin/issues/20.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from carriers.smpp.receipt import canonical, rewritten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carriers.smpp.receipt import IdBase

ENOUGH: Final = 20


def explained_by(receipt_id: str, answer_key: str) -> IdBase:
    """The one transformation that turns a receipt's id into the answer's (canonical); "" when several do, or none."""
    plain = canonical(receipt_id)
    decimal, hexadecimal = rewritten(plain)  # each another id than the plain one, and than the other of the two
    if plain == answer_key:
        return "same" if decimal or hexadecimal else ""
    if not answer_key:
        return ""
    if answer_key == decimal:
        return "hex_to_dec"
    return "dec_to_hex" if answer_key == hexadecimal else ""


class IdBases:
    """What was learned, by carrier group."""

    def __init__(self) -> None:
        self._streaks: dict[str, tuple[IdBase, int]] = {}

    def note(self, group: str, receipt_id: str, answer_key: str) -> bool:
        """A receipt matched without doubt. True when the base became known by it."""
        base = explained_by(receipt_id, answer_key)
        if not base:
            return False
        before, count = self._streaks.get(group, (base, 0))
        count = count + 1 if before == base else 1
        self._streaks[group] = (base, min(count, ENOUGH))
        return count == ENOUGH

    def of(self, group: str) -> IdBase:
        """The base of a group; "" while it is not known."""
        base, count = self._streaks.get(group, ("", 0))
        return base if count >= ENOUGH else ""

    def known(self) -> Mapping[str, IdBase]:
        """All groups whose base is known."""
        return {group: base for group, (base, count) in self._streaks.items() if count >= ENOUGH}
