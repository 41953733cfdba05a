"""Where work is announced to the workers.

The queue is a hint: the database holds the work, and refills the queue when it was lost. So nothing here is durable,
and an error here is never a reason to refuse a message.
"""

from __future__ import annotations

from gateway.queue.base import URGENT_SHARE, Queue, QueueError
from gateway.queue.memory import MemoryQueue

__all__ = ["URGENT_SHARE", "MemoryQueue", "Queue", "QueueError", "open_queue"]


def open_queue(url: str) -> Queue:
    """The queue at an address: memory://, redis://, rediss:// or unix://.

    Nothing is connected yet. Raises ValueError for another scheme.
    """
    if url.startswith("memory://"):
        return MemoryQueue()
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("the queue's address must begin with memory://, redis://, rediss:// or unix://")
    from gateway.queue.redis import RedisQueue  # noqa: PLC0415 -- the client costs 30 MB and half a second

    return RedisQueue(url)
