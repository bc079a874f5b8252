"""Alembic's entry: migrates over the connection, and in the transaction, of whoever calls it."""

from alembic import context

from ml_intern.queue.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
