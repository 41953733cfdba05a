"""Token buckets: how many parts a second may leave through a connector or from an identity.

Rule 1: a token is one part of a message, not one message (AWS counts so: sms-voice user guide, "sms-limitations-mps";
jookies/jasmin issue 925 shows what counting messages does to a carrier).
Rule 2: a message goes when one whole token is there, and takes as many as it has parts. So a message with more parts
than the bucket holds goes too, and the debt is paid off before anything else goes. In any t seconds at most
``rate * t + burst`` tokens leave, and the further parts of one message; burst is a second of the rate.
Rule 3: a message needs every one of its buckets, or it takes from none.
Rule 4: buckets are shared by all processes. So that not each message asks for them, a process buys a slice of some
tokens, which are good for a moment only: a bucket holds less by that, and rule 2 is kept.

A bucket is kept as one number, the time at which it will be full again (the generic cell rate algorithm, ITU-T I.371
annex A). A bucket whose time has passed is full, and is forgotten.
"""

from __future__ import annotations

from gateway.meeting import meeting_place
from gateway.throttle.file import FileBuckets
from gateway.throttle.throttle import Throttle

__all__ = ["Throttle", "open_throttle"]


def open_throttle(url: str, instance: str) -> Throttle:
    """The throttle that goes with a queue's address: memory:// shares buckets on this host, all others through Redis.

    ``instance`` tells apart those that share a host. Nothing is connected yet.
    """
    if url.startswith("memory://"):
        return Throttle(FileBuckets(meeting_place(instance) / "rates"))
    from gateway.throttle.redis import RedisBuckets  # noqa: PLC0415 -- the client costs 30 MB and half a second

    return Throttle(RedisBuckets(url))
