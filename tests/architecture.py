"""The floors of the house, kept by reading the imports: who may use whom, and a few things nobody may do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

FLOORS = {
    "guards": 0,
    "config": 1,
    "beat_schedule": 1,
    "crons": 1,
    "iso4217": 1,
    "outcomes": 1,
    "sql": 1,
    "rows": 2,
    "logs": 1,
    "lines": 0,
    "pool": 1,
    "wal": 1,
    "shared_redis": 1,
    "litebroker": 1,
    "letters": 2,
    "db": 2,
    "celery_app": 2,
    "caching": 2,
    "shop": 3,
    "sandbox": 3,
    "engine": 4,
    "gateways": 4,
    "tasks": 5,
    "workflows": 6,
    "api": 7,
    "server": 8,
}
"""A room uses what lies on floors below it: never above, never beside."""

ON_TOP = {"demo", "deploy", "doctor", "benchmarks", "migrations", "flowerconfig"}
"""They run, look at or measure the rest; nothing in the house uses them."""

APART = {
    ("engine", "shop"): "the engine knows no shop",
    ("api", "tasks"): "the door starts workflows, it does no steps",
    ("api", "gateways"): "only what the provider calls may know the provider",
    ("*", "sandbox"): "the sandboxes are the outside world: they are reached over the wire",
}
EXCEPT = {("api", "gateways"): "api/webhooks*.py"}

ALONE = {"litebroker"}
"""Components that could leave the house: they use nothing of ours."""

OWN_DATABASE = {"litebroker", "sandbox"}
PEERS = "benchmarks/peers/"  # programs of their own, to be measured beside ours
LONGEST = 250


@dataclass(frozen=True)
class Source:
    path: str
    lines: int
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.path.split("/")[0].removesuffix(".py")


def violations(root: Path) -> list[str]:
    """What is not as it should be, as `path:line: sentence`."""
    return [said for source in sources(root) for said in _examined(source)]


def sources(root: Path) -> Iterator[Source]:
    """All of ours but the tests; not what is installed in .venv, which would be read for seconds."""
    rooms = [path for path in sorted(root.iterdir()) if not path.name.startswith(".") and path.name != "tests"]
    for room in rooms:
        for path in sorted(room.rglob("*.py")) if room.is_dir() else [room][: room.suffix == ".py"]:
            yield _read(path, path.relative_to(root).as_posix())


def _read(path: Path, name: str) -> Source:
    text = path.read_text()
    return Source(name, text.count("\n"), ast.parse(text, name))


def _examined(source: Source) -> Iterator[str]:
    known = source.room in FLOORS or source.room in ON_TOP
    if not known:
        yield f"{source.path}:1: {source.room} has no floor; give it one in tests/architecture.py"
    for node in ast.walk(source.tree):
        yield from (f"{source.path}:{node.lineno}: {said}" for said in _of_node(source, node))  # type: ignore[attr-defined]
    yield from (f"{source.path}:{line}: an import of ours inside a function" for line in _hidden_imports(source))
    if source.lines > LONGEST and not source.path.startswith("migrations/versions/"):
        yield f"{source.path}:{source.lines}: longer than {LONGEST} lines"


def _of_node(source: Source, node: ast.AST) -> Iterator[str]:
    for module in _imported(node):
        yield from _of_import(source, module.split(".")[0])
    if _is_commit(node) and source.path != "db.py" and source.room not in OWN_DATABASE:
        yield "a commit outside of db.py"


def _of_import(source: Source, used: str) -> Iterator[str]:
    if used.split("_")[0] == "flask" and source.room != "api" and not source.path.startswith(PEERS):
        yield "flask outside of api/"
    if used == source.room or used not in FLOORS.keys() | ON_TOP:
        return
    if source.room in ALONE:
        yield f"{source.room} uses nothing of ours, so not {used}"
    if source.room in FLOORS and FLOORS.get(used, 99) >= FLOORS[source.room]:
        yield f"{source.room} uses {used}, which is not below it"
    yield from _kept_apart(source, used)


def _kept_apart(source: Source, used: str) -> Iterator[str]:
    for (user, other), reason in APART.items():
        allowed = fnmatch(source.path, EXCEPT.get((user, other), ""))
        if used == other and user in (source.room, "*") and source.room not in ON_TOP and not allowed:
            yield f"{source.room} uses {used}: {reason}"


def _hidden_imports(source: Source) -> Iterator[int]:
    functions = (node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    for node in {inner for function in functions for inner in ast.walk(function)}:
        if any(module.split(".")[0] in FLOORS.keys() | ON_TOP for module in _imported(node)):
            yield node.lineno  # type: ignore[attr-defined]


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [node.module or ""]
    return []


def _is_commit(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
