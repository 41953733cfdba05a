"""Errors as the command line tells them: one sentence that names the field or setting and says what to do."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import typer
from sqlalchemy.exc import DBAPIError
from typer.core import TyperGroup

from carriers.errors import CarrierError
from gateway.cli.output import note
from gateway.errors import GatewayError, Invalid
from gateway.store.transactions import is_unavailable

if TYPE_CHECKING:
    from gateway.config import Settings

# SQLSTATE classes (PostgreSQL appendix A) for which trying again does not help: who we are, and which database.
_BAD_ADDRESS = ("28", "3D")


class Commands(TyperGroup):
    """A group whose commands end with a sentence and exit code 1 when something can be said about an error."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 -- typer's own class for it is private
        try:
            return super().invoke(ctx)
        except (GatewayError, CarrierError, OSError) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:  # whoever read our output has gone
                raise
            note(f"Error: {sentence(error)}")
            raise typer.Exit(1) from error


def sentence(error: Exception) -> str:
    """The error as one line."""
    if isinstance(error, GatewayError):
        words = ("" if _is_named(error) else f"{error.field}:", error.detail, error.remedy)
        return " ".join(word for word in words if word)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    return str(error)


def _is_named(error: GatewayError) -> bool:
    """Whether the sentence names its field itself, or there is none to name.

    A field such as ``number`` may also be a word of the sentence: only one at its beginning counts, or no plain word.
    """
    field, detail = error.field, error.detail
    return detail.startswith(field) or (not field.isalpha() and field in detail)


def database_error(settings: Settings, error: BaseException) -> GatewayError | None:
    """What to tell when the database cannot be opened; None when the error is of another kind."""
    if isinstance(error, GatewayError):
        return error
    field = "HELIOGRAPH_DATABASE_URL" if settings.database_url else "HELIOGRAPH_DATA_DIR"
    if is_bad_address(error) or is_unavailable(error) or isinstance(error, DBAPIError):
        return Invalid(
            "database_cannot_be_opened",
            f"The database cannot be opened: {first_line(error)}.",
            field=field,
            remedy="Mend that, or set it to a database that can be opened.",
        )
    return None


def is_bad_address(error: BaseException) -> bool:
    """Whether the database is there and will not have us: a wrong password, user or name."""
    return str(getattr(error, "sqlstate", None) or "").startswith(_BAD_ADDRESS)


def first_line(error: BaseException) -> str:
    """What the driver said, without the statement and parameters that SQLAlchemy adds (they may hold a text)."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return (str(cause).splitlines() or [type(cause).__name__])[0][:200].rstrip(".")
