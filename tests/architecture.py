"""The floors of the house, kept by reading the imports: who may use whom, and a few things nobody may do."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

FLOORS = {
    "config": 0,
    "beat_schedule": 1,
    "iso4217": 1,
    "logs": 1,
    "litebroker": 1,
    "letters": 2,
    "db": 2,
    "celery_app": 2,
    "caching": 2,
    "engine": 3,
    "sandbox": 3,
    "shop": 4,
    "gateways": 5,
    "tasks": 6,
    "workflows": 7,
    "api": 8,
    "server": 9,
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
EXCEPT = {("api", "gateways"): "api/payments/provider_events.py"}

ALONE = {"litebroker"}
"""Components that could leave the house: they use nothing of ours."""

DOMAINS = {
    "kernel": "",
    "accounts": "",
    "consent": "accounts",
    "notifications": "accounts consent",
    "webhooks": "accounts notifications",
    "pricing": "accounts webhooks",
    "catalogue": "pricing",
    "stock": "accounts catalogue consent webhooks",
    "search": "catalogue stock",
    "import_export": "catalogue stock",
    "orders": "accounts pricing stock webhooks",
    "wallets": "accounts orders",
    "payments": "notifications orders stock wallets webhooks",
    "bank_transfers": "orders payments",
    "reconciliation": "orders payments",
    "refunds": "accounts orders payments wallets",
    "fulfilment": "notifications orders payments pricing stock",
    "invoicing": "accounts fulfilment orders payments",
    "carts": "catalogue pricing stock",
    "checkout": "accounts carts catalogue orders payments pricing",
    "campaigns": "accounts carts catalogue consent orders pricing",
    "notices": "accounts consent fulfilment notifications orders payments stock webhooks",
    "privacy": "accounts bank_transfers consent fulfilment notices notifications orders payments pricing stock wallets",
}
"""The domains of `shop/` and whom each may use, beside `kernel`. A new arrow is a decision: write it here."""

DOORS = {
    "http": "",
    "openapi": "",
    "pages": "",
    "accounts": "pages",
    "campaigns": "",
    "carts": "",
    "notifications": "",
    "pricing": "",
    "webhooks": "",
    "catalogue": "",
    "stock": "catalogue pricing",
    "orders": "carts pages",
    "fulfilment": "orders",
    "jobs": "orders",
    "payments": "carts fulfilment orders",
}
"""The same for `api/`, beside `http`."""

BORDERS = {"shop": (DOMAINS, "kernel"), "api": (DOORS, "http")}

OWN_DATABASE = {"litebroker", "sandbox"}
PEERS = "benchmarks/peers/"  # programs of their own, to be measured beside ours
LONGEST = 250
MOST_FILES = 25
ROOMY = {*BORDERS, "tasks", "workflows", "gateways", "db", "config", "doctor", "deploy", "server", "tests"}
"""Rooms of which no folder may have more files than that."""


@dataclass(frozen=True)
class Source:
    path: str
    lines: int
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.path.split("/")[0].removesuffix(".py")

    @property
    def domain(self) -> str:
        """`orders` for `shop/orders/history.py`; of a file beside the domains its own name."""
        return self.path.split("/")[1].removesuffix(".py")


def violations(root: Path) -> list[str]:
    """What is not as it should be, as `path:line: sentence`."""
    return [*(said for source in sources(root) for said in _examined(source)), *_crowded(root), *circles()]


def circles() -> list[str]:
    """Domains whose arrows, followed, come back to them."""
    return [
        f"{room}/{start} uses itself in a circle"
        for room in BORDERS
        for start in _reaching_themselves(BORDERS[room][0])
    ]


def _reaching_themselves(arrows: Mapping[str, str]) -> list[str]:
    reach = {start: set(used.split()) for start, used in arrows.items()}
    for _ in reach:
        reach = {start: used.union(*(reach[one] for one in used)) for start, used in reach.items()}
    return [start for start, used in reach.items() if start in used]


def _crowded(root: Path) -> Iterator[str]:
    """Folders in which nobody finds anything any more."""
    for folder in sorted({path.parent for room in ROOMY for path in (root / room).rglob("*.py")}):
        files = [path for path in folder.iterdir() if path.is_file()]
        if len(files) > MOST_FILES:
            yield f"{folder.relative_to(root).as_posix()}: {len(files)} files, at most {MOST_FILES} in a folder"


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
    if source.room in BORDERS and source.path.count("/") > 1 and source.domain not in BORDERS[source.room][0]:
        yield f"{source.path}:1: {source.room}/{source.domain} has no borders; give it some in tests/architecture.py"
    if source.lines > LONGEST and not source.path.startswith("migrations/versions/"):
        yield f"{source.path}:{source.lines}: longer than {LONGEST} lines"


def _of_node(source: Source, node: ast.AST) -> Iterator[str]:
    for module in _imported(node):
        yield from _of_import(source, module.split(".")[0])
        yield from _across_a_border(source, module)
    if _is_commit(node) and source.path != "db/__init__.py" and source.room not in OWN_DATABASE:
        yield "a commit outside of db/__init__.py"


def _of_import(source: Source, used: str) -> Iterator[str]:
    if used.split("_", maxsplit=1)[0] == "flask" and source.room != "api" and not source.path.startswith(PEERS):
        yield "flask outside of api/"
    if used == source.room or used not in FLOORS.keys() | ON_TOP:
        return
    if source.room in ALONE:
        yield f"{source.room} uses nothing of ours, so not {used}"
    if source.room in FLOORS and FLOORS.get(used, 99) >= FLOORS[source.room]:
        yield f"{source.room} uses {used}, which is not below it"
    yield from _kept_apart(source, used)


def _across_a_border(source: Source, module: str) -> Iterator[str]:
    room, _, inside = module.partition(".")
    used = inside.split(".")[0]
    if room != source.room or room not in BORDERS or not used or source.domain not in BORDERS[room][0]:
        return
    domains, shared = BORDERS[room]
    if used not in {source.domain, shared, *domains[source.domain].split()}:
        yield f"{room}/{source.domain} uses {room}/{used}, which its border does not allow"


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
