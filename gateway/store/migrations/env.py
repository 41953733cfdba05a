"""How Alembic runs our migrations: on the connection, and in the transaction, of gateway.store.migrate."""

from __future__ import annotations

import importlib
import pkgutil

from alembic import context

from gateway import store
from gateway.store.tables import metadata

for found in pkgutil.iter_modules(store.__path__, "gateway.store."):
    if found.name.startswith("gateway.store.tables_"):
        importlib.import_module(found.name)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite has it too, as we begin transactions ourselves
    render_as_batch=True,  # SQLite changes a table by copying it
)
context.run_migrations()
