"""Load millions of finished runs: copies of one real run with its journal, each with its own id.

Columns are copied by their names in the database, so that a change of the engine's tables needs none here. PostgreSQL
only.
"""

from __future__ import annotations

from benchmarks.ground import Ground

_COLUMNS = """
    SELECT string_agg(column_name || ':' || data_type, ',' ORDER BY ordinal_position)
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{}'
"""
# A UUIDv7 with an old time: in the index the copies lie together, before the runs of today.
_ID = "(lpad(to_hex(1700000000000 + n * 10), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid"
_BATCH = 250_000


def load(here: Ground, runs: int) -> None:
    """Make `runs` copies of the only run in the table, which must have succeeded with four journal rows."""
    state, steps = here.ask("SELECT max(state), (SELECT count(*) FROM journal) FROM runs HAVING count(*) = 1")
    assert (state, steps) == ("succeeded", 4), f"not a run to copy: {state}, {steps} steps in its journal"
    own = {"id": _ID, "key": f"{_ID}::text", "subject_id": f"{_ID}::text"}
    copies = [_copy(here, "runs", own, first, runs) for first in range(1, runs + 1, _BATCH)]
    copies += [_copy(here, "journal", {"run_id": _ID}, first, runs) for first in range(1, runs + 1, _BATCH)]
    # As a replica, PostgreSQL does not check the foreign keys of the copies, which are known to be good.
    here.do("SET session_replication_role = replica", "SET synchronous_commit = off", *copies, "RESET ALL")
    here.do("VACUUM ANALYZE runs", "VACUUM ANALYZE journal", "CHECKPOINT")


def _copy(here: Ground, table: str, own: dict[str, str], first: int, runs: int) -> str:
    columns = dict(part.split(":") for part in here.ask(_COLUMNS.format(table)).split(","))
    values = [own.get(name) or _shifted(name, kind) for name, kind in columns.items()]
    origin = f"WHERE {'id' if table == 'runs' else 'run_id'} = (SELECT id FROM runs ORDER BY id DESC LIMIT 1)"
    last = min(first + _BATCH - 1, runs)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)}"
        f" FROM (SELECT * FROM {table} {origin}) AS original, generate_series({first}, {last}) AS n"
    )


def _shifted(name: str, kind: str) -> str:
    """Return the value of a column: a time moves back with each copy, NULL stays NULL, everything else is copied."""
    return f"{name} - n * interval '0.1 s' - interval '1 day'" if kind.startswith("timestamp") else name
