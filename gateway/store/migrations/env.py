"""How Alembic runs our migrations: on the connection, and in the transaction, of gateway.store.migrate."""

from __future__ import annotations

from alembic import context

from gateway.store import tables_numbers  # noqa: F401 -- its tables join the metadata
from gateway.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite has it too, as we begin transactions ourselves
    render_as_batch=True,  # SQLite changes a table by copying it
)
context.run_migrations()
