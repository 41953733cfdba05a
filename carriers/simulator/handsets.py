"""The simulated phones: each keeps its conversation. No IO and no clock.

Rule 1. A handset exists from its first text on. The one least recently used is forgotten when there are too many.
Rule 2. Parts are joined as a phone joins them: by sender, reference and total, their octets before decoding.
Rule 3. A text that failed stands in the conversation too, with the state that says so; a person would not see it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from carriers.simulator.numbers import DELIVERED, aws_fates
from carriers.text import decode
from carriers.types import ReceiptState
from carriers.udh import reassembly_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from typing import TypeAlias

    from carriers.simulator.numbers import Fate
    from carriers.types import InboundMessage
    from carriers.udh import ReassemblyKey

    Listener: TypeAlias = Callable[[str, "Text"], None]

PARTS_KEPT: Final = timedelta(minutes=10)  # a sender's references come round again; older parts belong to another text
WHOLES_KEPT: Final = 50  # texts of which parts are missing, a handset


@dataclass(frozen=True, slots=True)
class Text:
    """One text as its handset shows it.

    Attributes:
        id: Counts up over all handsets.
        at: When it came, or was written.
        direction: ``in`` to the handset, ``out`` from it.
        other: The other side: our number, short code or name.
        body: The whole text.
        parts: How many parts it came or left in.
        state: In: the ``ReceiptState``. Out: ``SENT``, then ``ACKNOWLEDGED`` or ``REFUSED`` by the ESME.
    """

    id: int
    at: datetime
    direction: Literal["in", "out"]
    other: str
    body: str
    parts: int
    state: str


@dataclass(slots=True)
class _Incomplete:
    since: datetime
    parts: dict[int, tuple[InboundMessage, ReceiptState]] = field(default_factory=dict)


class Handset:
    """One phone. ``texts`` is its conversation, oldest first."""

    def __init__(self, number: str, most: int) -> None:
        self.number = number
        self._texts: deque[Text] = deque(maxlen=most)
        self._incomplete: OrderedDict[ReassemblyKey, _Incomplete] = OrderedDict()

    @property
    def texts(self) -> tuple[Text, ...]:
        return tuple(self._texts)

    def add(self, text: Text) -> None:
        self._texts.append(text)

    def change(self, text_id: int, state: str) -> Text | None:
        """Give a text another state. None when it is no longer kept."""
        for index in range(len(self._texts) - 1, -1, -1):
            if self._texts[index].id == text_id:
                self._texts[index] = replace(self._texts[index], state=state)
                return self._texts[index]
        return None

    def join(self, part: InboundMessage, state: ReceiptState, at: datetime) -> tuple[str, int, ReceiptState] | None:
        """The body, the number of parts and the state of the text that this part completes; None while some miss."""
        key, mark = reassembly_key(part), part.concatenation
        if key is None or mark is None:
            return part.text, 1, state
        found = self._incomplete.get(key)
        if found is None or at - found.since > PARTS_KEPT:
            found = self._incomplete[key] = _Incomplete(at)
        found.parts[mark.number] = (part, state)
        if len(found.parts) == key.total:
            del self._incomplete[key]
            return _whole([found.parts[number] for number in sorted(found.parts)])
        if len(self._incomplete) > WHOLES_KEPT:
            self._incomplete.popitem(last=False)
        return None


def _whole(parts: list[tuple[InboundMessage, ReceiptState]]) -> tuple[str, int, ReceiptState]:
    """A text is as far as its slowest part."""
    octets = b"".join(part.octets for part, _ in parts)
    undelivered = [state for _, state in parts if state is not ReceiptState.DELIVERED]
    state = undelivered[0] if undelivered else ReceiptState.DELIVERED
    return decode(octets, parts[0][0].data_coding), len(parts), state


class Handsets:
    """All handsets, by number in E.164 with ``+``."""

    def __init__(self, fates: Mapping[str, Fate] | None = None, *, most: int = 1000, texts: int = 200) -> None:
        """``fates``: what becomes of texts to certain numbers; None for the numbers of AWS's simulator."""
        self._fates = aws_fates() if fates is None else fates
        self._most = most
        self._texts = texts
        self._handsets: OrderedDict[str, Handset] = OrderedDict()
        self._listeners: list[Listener] = []
        self._last_id = 0

    @property
    def numbers(self) -> tuple[str, ...]:
        """The handsets there are, the most recently used first."""
        return tuple(reversed(self._handsets))

    def texts(self, number: str) -> tuple[Text, ...]:
        """The conversation of one handset, oldest first; empty for a number that never had a text."""
        handset = self._handsets.get(number)
        return handset.texts if handset else ()

    def fate(self, number: str) -> Fate:
        """What becomes of a text to this number."""
        return self._fates.get(number, DELIVERED)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have ``listener(number, text)`` called for each new text and each change of its state.

        It is called from the path of the messages, so it must be quick and must not raise. Returns what ends it.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def arrived(self, part: InboundMessage, state: ReceiptState, at: datetime) -> Text | None:
        """A text, or a part of one, has come to its end at ``part.destination``. Returns the text that is now whole."""
        handset = self._handset(part.destination)
        joined = handset.join(part, state, at)
        if joined is None:
            return None
        body, parts, whole_state = joined
        return self._add(handset, Text(self._next_id(), at, "in", part.source, body, parts, whole_state.value))

    def wrote(self, number: str, to: str, body: str, parts: int, at: datetime) -> Text:
        """The person at ``number`` has written to ``to``."""
        return self._add(self._handset(number), Text(self._next_id(), at, "out", to, body, parts, "SENT"))

    def change(self, number: str, text_id: int, state: str) -> Text | None:
        """Give a text another state. None when it, or its handset, is no longer kept."""
        handset = self._handsets.get(number)
        text = handset.change(text_id, state) if handset else None
        if text is not None:
            self._tell(number, text)
        return text

    def _handset(self, number: str) -> Handset:
        handset = self._handsets.get(number)
        if handset is None:
            handset = self._handsets[number] = Handset(number, self._texts)
            if len(self._handsets) > self._most:
                self._handsets.popitem(last=False)
        else:
            self._handsets.move_to_end(number)
        return handset

    def _add(self, handset: Handset, text: Text) -> Text:
        handset.add(text)
        self._tell(handset.number, text)
        return text

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _tell(self, number: str, text: Text) -> None:
        for listener in tuple(self._listeners):
            listener(number, text)
