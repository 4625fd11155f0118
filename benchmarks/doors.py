"""Put an API under load: start it, make the clients' tokens, and measure its answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.ground import Died, Ground
from deploy import processes
from deploy.readiness import answers


@dataclass(frozen=True)
class Served:
    """The result of one load."""

    answers: int
    first: float  # when the first answer came, in seconds since 1970
    rate: float  # a second
    p50: float  # milliseconds
    p99: float

    def __str__(self) -> str:
        return f"{self.rate:6.0f}/s of {self.answers}   p50 {self.p50:.0f} ms   p99 {self.p99:.0f} ms"


def open_door(here: Ground, app: str = "api.wsgi:app") -> None:
    """Start a WSGI app as Orderwave's API is started, with as many processes and threads, and wait until it answers."""
    door = processes.api(here.settings)
    *how, _ = door.argv
    here.start("api", (*how, app), **door.environment)
    here.wait(lambda: answers(door.url or ""), "the API to answer", seconds=60)


def customers(here: Ground, number: int, name: str) -> Path:
    """Make customers with a session and a filled cart. Returns the file with their access tokens."""
    file = here.settings.state_dir / name
    here.run("benchmarks.acts.fill_carts", number, name, file)
    here.do("ANALYZE")
    return file


def strangers(here: Ground, number: int) -> Path:
    """Write a file of dummy tokens, for an API that checks none."""
    file = here.settings.state_dir / "strangers"
    file.write_text("nobody\n" * number)
    return file


def load(here: Ground, tokens: Path, connections: int, seconds: float, warm_up: float = 0.0) -> Served:
    """POST orders with these tokens; answers of the first `warm_up` seconds do not count.

    Raises Died unless every answer is a 202.
    """
    return _served(here, "202", tokens, connections, seconds, warm_up)


def visit(here: Ground, path: str, connections: int, seconds: float, warm_up: float = 0.0) -> Served:
    """GET `path` without a token. Raises Died unless every answer is a 200."""
    return _served(here, "200", "-", connections, seconds, warm_up, path)


def _served(here: Ground, status: str, *how: object) -> Served:
    told = here.learn("benchmarks.acts.load", here.settings.port, *how)
    if set(told["statuses"]) != {status}:
        raise Died(f"not everybody was served: {told['statuses']}\n{here.end_of_log('api')}")
    return Served(told["answers"], told["first"], told["rate"], told["p50"], told["p99"])
