"""One row of the table of endpoints, and what its handler is given and gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from gateway.api.rest.fields import NoQuery

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp import web
    from pydantic import BaseModel

    from gateway.resources.api_keys import ApiKey
    from gateway.resources.desk import Desk
    from gateway.services import Services

Q = TypeVar("Q")
B = TypeVar("B")

Good: TypeAlias = "BaseModel | Mapping[str, Any] | None"


class Headers(Protocol):
    """Headers by their names, in whichever case."""

    def get(self, name: str, /) -> str | None: ...


class Incoming(Protocol):
    """What every request has, whoever read it."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def match_info(self) -> Mapping[str, str]: ...


class Call(NamedTuple, Generic[Q, B]):
    """One authenticated request, its query and body read into their models."""

    request: Incoming
    services: Services
    key: ApiKey
    query: Q
    body: B
    document: Any  # the body before it became a model; None without a body

    @property
    def account_id(self) -> str:
        return self.key.account_id

    @property
    def desk(self) -> Desk:
        return self.services.desk

    @property
    def actor(self) -> str:
        """How the records name who did it."""
        return f"key:{self.key.id}"

    def now(self) -> int:
        return self.services.now()

    def path(self, name: str) -> str:
        """A parameter of the path, decoded."""
        return self.request.match_info[name]


class Reply(NamedTuple):
    """An answer with a status or headers other than the endpoint's usual ones."""

    body: Good
    status: int
    headers: Mapping[str, str] = {}


Handler: TypeAlias = "Callable[[Call[Any, Any]], Awaitable[Good | Reply | web.StreamResponse]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What one method of one path takes and gives.

    Attributes:
        scope: that a key needs.
        answer: of ``status``; None for no content.
        body: the model of the JSON body; None: there is none.
        also: further answers that are no problems, by status.
        problems: statuses of problems beyond those that follow from the shape (see ``problem_statuses``).
        headers: names of request headers it reads; keys of ``gateway.api.rest.openapi.HEADERS``.
        of_instance: only for keys of the account that runs the instance.
        media: content type of a good answer.
        quick: called so often that ``gateway.api.front`` answers it.
    """

    method: str
    path: str
    scope: str
    tag: str
    summary: str
    handle: Handler
    answer: type[BaseModel] | None = None
    status: int = 200
    body: type[BaseModel] | None = None
    query: type[BaseModel] = NoQuery
    also: Mapping[int, type[BaseModel]] = field(default_factory=dict)
    problems: frozenset[int] = frozenset()
    headers: tuple[str, ...] = ()
    note: str = ""
    of_instance: bool = False
    media: str = "application/json"
    quick: bool = False

    @property
    def problem_statuses(self) -> frozenset[int]:
        """Every problem that can come: key, query, path, body, store, and the handler's own."""
        shape = {401, 403, 422, 500, 503} | self.problems
        if "{" in self.path:
            shape.add(404)
        if self.body is not None:
            shape |= {400, 413, 415}
        return frozenset(shape)
