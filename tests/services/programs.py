"""Find the server programs installed on this machine, and run them as a user that they accept."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.services import Missing

FOLDERS = ("/usr/sbin", "/usr/local/sbin")


def find(name: str, *, first: str = "") -> str:
    """Return the path of an installed program; raise Missing if there is none. `first`: a folder to look in first."""
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    places = [first, os.environ.get("PATH", ""), *FOLDERS, *map(str, newest_first)]
    found = shutil.which(name, path=os.pathsep.join(places))
    if not found:
        raise Missing(f"{name} is not installed")
    return found


def unprivileged() -> str | None:
    """Return the user for servers that refuse to run as root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def folder(owner: str | None = None) -> Path:
    """Make a temporary folder that only its owner may read."""
    made = Path(tempfile.mkdtemp(prefix="orderwave-service-"))
    if owner:
        shutil.chown(made, owner)
    return made


def run(*command: str, user: str | None = None, seconds: float = 60) -> str:
    """Run a command and return its output; raise Missing if it fails."""
    quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "stdout": subprocess.PIPE}
    done = subprocess.run(command, user=user, timeout=seconds, text=True, cwd="/", check=False, **quiet)  # type: ignore[call-overload]
    if done.returncode:
        raise Missing(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}")
    return str(done.stdout)


def _version(path: Path) -> int:
    name = path.parent.name
    return int(name) if name.isdigit() else 0
