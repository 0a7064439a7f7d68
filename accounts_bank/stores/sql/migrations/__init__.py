"""Alembic migrations: each makes the next version of the schema from the one before."""
