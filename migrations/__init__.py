"""The history of the tables, for PostgreSQL and for SQLite."""
