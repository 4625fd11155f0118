"""The migrations of the tables, for PostgreSQL and for SQLite."""
