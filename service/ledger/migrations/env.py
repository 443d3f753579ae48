"""What Alembic runs for each command: the migrations, in the transaction that service/ledger/migrating.py has opened."""

from alembic import context

from service.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
