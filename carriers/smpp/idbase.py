"""In which base a carrier writes its ids: answers in one, receipts in the other. Learned from receipts that matched.

Rule 1: a match teaches only when exactly one transformation explains it: ``12`` that matched ``12`` could be either.
Rule 2: after ``ENOUGH`` teachings in a row that agree, the base is known; one that disagrees begins anew.
Real cases: Nexmo writes decimal or hexadecimal depending on the account; https://github.com/jookies/jasmin/issues/20.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from carriers.smpp.receipt import IdBase, candidates

if TYPE_CHECKING:
    from collections.abc import Mapping

ENOUGH: Final = 20

_BASES: Final[tuple[IdBase, ...]] = ("same", "hex_to_dec", "dec_to_hex")


def explained_by(receipt_id: str, answer_key: str) -> IdBase:
    """The one transformation that turns a receipt's id into the answer's (canonical); "" when several do, or none."""
    forms = {base: candidates(receipt_id, base) for base in _BASES}
    # A transformation that does not apply (no hexadecimal digits) gives the id as it is: that is "same" then.
    fitting = [
        base for base in _BASES if answer_key in forms[base] and (base == "same" or forms[base] != forms["same"])
    ]
    differing = {forms[base] for base in _BASES}
    return fitting[0] if len(fitting) == 1 and len(differing) > 1 else ""


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
