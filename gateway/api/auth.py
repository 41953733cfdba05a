"""Who calls: an API key in ``Authorization: Bearer hg_…``, and whether it may.

A key is looked up in memory (``gateway.resources.catalog``), so that it costs next to nothing and needs no database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import Forbidden, Unauthorized

if TYPE_CHECKING:
    from gateway.resources.api_keys import ApiKey
    from gateway.resources.catalog import Catalog

_SCHEME = "bearer "


def authenticate(catalog: Catalog, header: str | None) -> ApiKey:
    """The key that a request shows.

    Raises:
        Unauthorized: ``key_missing`` or ``key_unknown`` (never issued, or revoked).
    """
    if not header:
        raise Unauthorized(
            "key_missing",
            "The request has no API key.",
            field="Authorization",
            remedy="Send the header Authorization: Bearer hg_…",
        )
    if header[: len(_SCHEME)].lower() == _SCHEME and (key := catalog.key(header[len(_SCHEME) :].strip())) is not None:
        return key
    raise Unauthorized(
        "key_unknown",
        "The API key is not known, or was revoked.",
        field="Authorization",
        remedy="Send the header Authorization: Bearer hg_… with a key that stands.",
    )


def require_scope(key: ApiKey, scope: str) -> None:
    """Raises Forbidden (``scope_missing``) naming the scope that the key lacks."""
    if scope not in key.scopes:
        raise Forbidden(
            "scope_missing",
            f"The API key lacks the scope {scope}.",
            remedy=f"Use a key that has the scope {scope}.",
            extra={"scope": scope},
        )
