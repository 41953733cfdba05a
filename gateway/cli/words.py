"""What several commands show of a message, in the words of the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.console import words

if TYPE_CHECKING:
    from gateway.cli.output import Column

VERDICTS: tuple[Column, ...] = (
    ("Rule", lambda one: words.rule(one["rule"])),
    ("Verdict", lambda one: words.EFFECTS[one["effect"]].label),
    ("Why", lambda one: one["reason"]),
    ("Source", lambda one: one["source"]),
    ("What would change it", lambda one: one["remedy"]),
)
