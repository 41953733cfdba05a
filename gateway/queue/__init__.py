"""Where work is announced to the workers.

The queue is a hint: the database holds the work, and refills the queue when it was lost. So nothing here is durable,
and an error here is never a reason to refuse a message.
"""

from __future__ import annotations

from gateway.meeting import enter, meeting_place
from gateway.queue.base import URGENT_SHARE, Queue, QueueError
from gateway.queue.local import LocalQueue
from gateway.queue.memory import MemoryQueue

__all__ = ["URGENT_SHARE", "LocalQueue", "MemoryQueue", "Queue", "QueueError", "open_queue"]


def open_queue(url: str, instance: str) -> Queue:
    """The queue at an address: memory://, redis://, rediss:// or unix://.

    ``instance`` tells apart those that share a host, not a database. Nothing is connected yet.

    Raises:
        ValueError: another scheme.
        OSError: somebody else has made the folder where processes meet.
    """
    if url.startswith("memory://"):
        enter(folder := meeting_place(instance))
        return LocalQueue(folder)
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("the queue's address must begin with memory://, redis://, rediss:// or unix://")
    from gateway.queue.redis import RedisQueue  # noqa: PLC0415 -- the client costs 30 MB and half a second

    return RedisQueue(url)
