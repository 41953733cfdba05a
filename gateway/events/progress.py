"""How far one destination is: what it has been given, what is put aside, and what of that is stored.

Memory is ahead of the database by a fraction of a second, never behind it. After a crash what was given since the
last ``save`` is given again, with the same ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, update

from gateway.events import retries
from gateway.events.retries import Aside, Letter
from gateway.store import tables
from gateway.store.hot import Hot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.events.destinations import Entry
    from gateway.store.store import Store
    from gateway.store.writer import Tx

_T = tables.event_destinations
_UNSENT = "Not sent yet: the destination rests."


ADVANCE = Hot(
    "advance the cursor of a destination",
    ("p_cursor", "p_id", "p_upto"),
    lambda _dialect: (
        update(_T)
        .where(_T.c.id == bindparam("p_id"), _T.c.cursor <= bindparam("p_upto"))
        .values({"cursor": bindparam("p_cursor")})
    ),
)


class _Cursors:
    """A lane of the store's writer: most of what a destination has to store is how far it is."""

    rank = 80
    patience = 0.1  # it is stored with what others store
    hot = True
    outward = True

    async def apply(self, tx: Tx, cursors: Sequence[tuple[int, str, int]]) -> list[None]:
        await tx.many(ADVANCE, cursors)
        return [None] * len(cursors)


_CURSORS = _Cursors()


class Progress:
    """The cursor of one destination and its events put aside."""

    def __init__(self, destination_id: str, cursor: int) -> None:
        self.aside = Aside()
        self.trouble = ""
        self.gone = False
        self._id = destination_id
        self._open: dict[int, Entry] = {}  # read and not yet settled
        self._last = 0  # the newest that was settled since ``open``
        self._upto = cursor  # everything up to here was read
        self._letters: dict[int, Letter] = {}
        self._taken: set[int] = set()
        self._hurried: int | None = None  # everything that was put aside before is due since then
        self._saved = self._state()

    @property
    def cursor(self) -> int:
        """Every event up to this number was given or put aside."""
        return min(self._open) - 1 if self._open else self._upto

    @property
    def dirty(self) -> bool:
        """Whether memory is ahead of the database."""
        return self.unsaved_letters or self._saved != self._state()

    @property
    def unsaved_letters(self) -> bool:
        return bool(self._letters or self._taken or self._hurried)

    def open(self, entries: Sequence[Entry], upto: int) -> None:
        """Begin with these rows of the log, read up to ``upto``."""
        self._open = {entry.seq: entry for entry in entries}
        self._upto, self._last = upto, 0

    def close(self, now: int) -> None:
        """End with the rows of ``open``: those not settled are read again.

        Where something behind them is settled they are put aside: the cursor alone would, after a restart, give again
        what lies behind it.
        """
        for entry in [entry for seq, entry in self._open.items() if seq < self._last]:
            until = self.aside.until(entry.subject_id) or now
            self.put_aside(Letter(entry.seq, entry.subject_id, 0, until, now, _UNSENT), waited=False)
        self._upto = self.cursor
        self._open = {}

    def taken(self, entry: Entry, *, waited: bool) -> None:
        """The destination took this event, or the log does not have it any more."""
        self._settle(entry.seq)
        if waited:
            self.aside.remove(entry.subject_id)
            self._letters.pop(entry.seq, None)
            self._taken.add(entry.seq)

    def put_aside(self, letter: Letter, *, waited: bool) -> None:
        """This event is to be tried at ``letter.next_at``, or never again."""
        self._settle(letter.seq)
        self._letters[letter.seq] = letter
        if letter.next_at is None:
            if waited:
                self.aside.remove(letter.subject_id)
        elif waited:
            self.aside.postpone(letter.subject_id, letter.next_at)
        else:
            self.aside.add(letter.subject_id, letter.next_at)

    def hurry(self, now: int) -> None:
        """Make everything due that waits: the destination is back."""
        self.aside.hurry(now)
        self._hurried = now
        for seq, letter in self._letters.items():
            if letter.next_at is not None:
                self._letters[seq] = letter._replace(next_at=min(letter.next_at, now))

    async def reload(self, store: Store, *, force: bool) -> None:
        """Take up what somebody else put aside (a replay), if anything."""
        async with store.reading() as connection:
            if force or await retries.count(connection, self._id) != self.aside.size:
                self.aside = await retries.load(connection, self._id)

    async def save(self, store: Store) -> None:
        """Store all of it in one transaction.

        Raises:
            Unavailable: nothing was stored; the next call stores it.
        """
        state, letters, taken, hurried = self._state(), dict(self._letters), set(self._taken), self._hurried
        if not self.unsaved_letters and state[1:] == self._saved[1:]:
            await store.submit(_CURSORS, (state[0], self._id, state[0]))
            self._saved = state
            return

        async def work(tx: Tx) -> None:
            if hurried is not None:
                await retries.hurry(tx, self._id, hurried)
            await retries.keep(tx, self._id, list(letters.values()), taken)
            cursor, trouble, gone = state
            values = {"cursor": cursor, "trouble": trouble} | ({"enabled": 0} if gone else {})
            # A process that was asleep while another went on must not put the cursor back.
            await tx.conn.execute(update(_T).where(_T.c.id == self._id, _T.c.cursor <= cursor).values(values))

        await store.write(work)
        self._saved = state
        self._hurried = None if self._hurried == hurried else self._hurried
        self._letters = {seq: letter for seq, letter in self._letters.items() if letters.get(seq) is not letter}
        self._taken -= taken

    def _settle(self, seq: int) -> None:
        if self._open.pop(seq, None):
            self._last = max(self._last, seq)

    def _state(self) -> tuple[int, str, bool]:
        return self.cursor, self.trouble, self.gone
