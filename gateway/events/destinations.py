"""Who is given events: the rows of ``event_destinations``, and what giving comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from sqlalchemy import select

from gateway.errors import NotFound
from gateway.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row as SqlRow

    from gateway.store.store import Store

_T = tables.event_destinations

WEBHOOK = "webhook"
FILE = "file"
SNS, FIREHOSE, CLOUDWATCH_LOGS = "sns", "firehose", "cloudwatch_logs"  # of a configuration set
KINESIS = "kinesis"  # of an application, as FIREHOSE may be
TWO_WAY = "two_way"  # a topic that texts from people are published to
OF_AWS = frozenset({SNS, FIREHOSE, CLOUDWATCH_LOGS, KINESIS, TWO_WAY})
_APPLICATION = "app/"
MAX_BATCH = 100


@dataclass(frozen=True, slots=True)
class Destination:
    """One destination, without its progress.

    Attributes:
        target: URL of a webhook, path of a file, ARN of what is AWS's.
        secret: encrypted "whsec_…"; None for all but webhooks.
        types: the types of events it wants; empty means all. AWS's types for a destination of a configuration set.
        batch_size: 1, one event a request; more, up to so many in one.
        configuration_set: the one whose messages it is told of, in AWS's words, or an application as
            ``set_of_application`` has it; "" for everything, in ours.
    """

    id: str
    account_id: str
    kind: str
    target: str
    secret: bytes | None
    types: tuple[str, ...]
    batch_size: int
    configuration_set: str = ""

    @property
    def application(self) -> str:
        """The id of the application whose event stream this is; "" for any other destination."""
        head, _, application_id = self.configuration_set.partition(_APPLICATION)
        return "" if head else application_id


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of giving events.

    Attributes:
        ok: they were taken.
        error: one sentence why not. Holds neither the URL nor the answer's text: both may be secret.
        status: of the HTTP answer, 0 when there was none.
        retry_after: microseconds it asked to be left alone.
        gone: it wants no events any more (410).
        refused: the numbers of those it did not take, where it took the others.
    """

    ok: bool
    error: str = ""
    status: int = 0
    retry_after: int = 0
    gone: bool = False
    refused: frozenset[int] = frozenset()


TAKEN = Outcome(ok=True)


class Entry(Protocol):
    """An event on its way: a row of the log."""

    @property
    def seq(self) -> int: ...
    @property
    def subject_id(self) -> str: ...
    @property
    def data(self) -> str: ...


class Sender(Protocol):
    """Gives events to one destination.

    Attributes:
        most: events in one call.
        lanes: calls at once.
    """

    most: int
    lanes: int

    async def send(self, entries: Sequence[Entry], now: int) -> Outcome:
        """Give these, in order. What goes wrong is an Outcome, not an exception."""


def set_of_application(application_id: str) -> str:
    """What a message sent for an application of Pinpoint's has in place of a configuration set's name.

    Such messages name no configuration set, and no name of one has a slash.
    """
    return f"{_APPLICATION}{application_id}"


async def active(store: Store) -> dict[Destination, int]:
    """The enabled destinations, and the number of the last event each one has been given."""
    query = select(_T).where(_T.c.enabled == 1).order_by(_T.c.id)
    async with store.reading() as connection:
        return {_destination(row): row.cursor for row in await connection.execute(query)}


async def find(store: Store, destination_id: str, account_id: str | None = None) -> Destination:
    """One destination, enabled or not.

    Raises:
        NotFound: the account has none of that id.
    """
    query = select(_T).where(_T.c.id == destination_id)
    if account_id is not None:
        query = query.where(_T.c.account_id == account_id)
    async with store.reading() as connection:
        row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound("event_destination_not_found", f"There is no event destination {destination_id!r}.")
    return _destination(row)


def _destination(row: SqlRow[Any]) -> Destination:
    return Destination(
        id=row.id,
        account_id=row.account_id,
        kind=row.kind,
        target=row.target,
        secret=row.secret,
        types=tuple(orjson.loads(row.types)),
        batch_size=max(1, min(row.batch_size, MAX_BATCH)),
        configuration_set=row.configuration_set,
    )
