"""Read the CPU time and the memory of processes from /proc. Linux only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
SERVICES = {"postgres": "PostgreSQL", "beam.smp": "RabbitMQ", "redis-server": "Redis"}


@dataclass(frozen=True)
class Seen:
    """A process as /proc/PID/stat shows it."""

    pid: int
    parent: int
    group: int
    program: str
    cpu: float  # seconds, with those of its children that have ended


def processes() -> Iterator[Seen]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):  # gone meanwhile
                yield _seen(int(folder.name), (folder / "stat").read_text())


def cpu_of_groups(groups: set[int]) -> float:
    """Return the CPU seconds that these process groups have taken so far."""
    return sum(seen.cpu for seen in processes() if seen.group in groups)


def cpu_of_services() -> dict[str, float]:
    """Return the CPU seconds that each service on this machine has taken so far, for all of its clients."""
    taken = dict.fromkeys(SERVICES.values(), 0.0)
    for seen in processes():
        if seen.program in SERVICES:
            taken[SERVICES[seen.program]] += seen.cpu
    return taken


def family(pid: int) -> list[int]:
    """Return the pids of this process and its descendants."""
    parents = {seen.pid: seen.parent for seen in processes()}
    return [each for each in parents if pid in _ancestry(each, parents)]


def _ancestry(pid: int, parents: dict[int, int]) -> Iterator[int]:
    while pid in parents:
        yield pid
        pid = parents[pid]


def command(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]


def memory(pid: int) -> dict[str, float]:
    """Return the memory in MiB by kind (Rss, Pss, Pss_Anon, Pss_File ...), from /proc/PID/smaps_rollup."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name.rstrip(":"): int(kilobytes) / 1024 for name, kilobytes, *_ in map(str.split, lines)}


def _seen(pid: int, stat: str) -> Seen:
    head, _, tail = stat.rpartition(")")
    fields = tail.split()
    return Seen(pid, int(fields[1]), int(fields[2]), head.partition("(")[2], sum(map(int, fields[11:15])) / TICKS)
