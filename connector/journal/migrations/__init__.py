"""The journal's schema versions, run by alembic through `connector.journal.schema`."""
