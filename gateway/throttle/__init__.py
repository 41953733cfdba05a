"""Token buckets: how many parts a second may leave through a connector or from an identity.

Rule 1: a token is one part of a message, not one message (AWS counts so: sms-voice user guide, "sms-limitations-mps";
jookies/jasmin issue 925 shows what counting messages does to a carrier).
Rule 2: a message goes when one whole token is there, and takes as many as it has parts. So a message with more parts
than the bucket holds goes too, and the debt is paid off before anything else goes. In any t seconds at most
``rate * t + burst`` tokens leave, and the further parts of one message.
Rule 3: a message needs every one of its buckets, or it takes from none.

A bucket is kept as one number, the time at which it will be full again (the generic cell rate algorithm, ITU-T I.371
annex A). A bucket whose time has passed is full, and is forgotten.
"""

from __future__ import annotations

from gateway.throttle.base import Throttle, ThrottleError
from gateway.throttle.local import Bucket, LocalThrottle

__all__ = ["Bucket", "LocalThrottle", "Throttle", "ThrottleError", "open_throttle"]


def open_throttle(url: str) -> Throttle:
    """The throttle that goes with a queue's address: local for memory://, else shared by all nodes through Redis."""
    if url.startswith("memory://"):
        return LocalThrottle()
    from gateway.throttle.redis import RedisThrottle  # noqa: PLC0415 -- the client costs 30 MB and half a second

    return RedisThrottle(url)
