"""Owners of messages: processes, each with a file that it keeps locked.

The kernel frees the lock when the process ends, however it ends. So a process that gets the lock of another's file
knows that its owner is dead, and there is no timeout to guess.
"""

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Owner:
    """This process as an owner in the broker file: a random name and the locked file of that name."""

    def __init__(self, folder: Path) -> None:
        self.name = uuid.uuid4().hex
        self.path = folder / self.name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._fd: int | None = _locked_file(self.path)

    def forget(self) -> None:
        """Close the file, in a forked child: it must not keep its parent's lock alive."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def leave(self) -> None:
        """Delete the file and free its lock: this process holds no messages any more."""
        self.path.unlink(missing_ok=True)
        self.forget()


def _locked_file(path: Path) -> int:
    """Create a locked file; return its descriptor.

    It is locked under a hidden name first, so that no process finds it unlocked.
    """
    hidden = path.with_name(f".{path.name}")
    fd = os.open(hidden, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    hidden.rename(path)
    return fd


def names(folder: Path) -> set[str]:
    """Return the names of all owners with a file, dead or alive."""
    if not folder.is_dir():
        return set()
    return {entry for entry in os.listdir(folder) if not entry.startswith(".")}


@contextmanager
def if_dead(folder: Path, name: str) -> Iterator[bool]:
    """Yield whether the owner is dead, holding its lock meanwhile, so that only one process gives its messages back."""
    try:
        fd = os.open(folder / name, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True  # another process was faster, or the folder was cleaned: every living owner has a file
        return
    try:
        yield _try_lock(fd)
    finally:
        os.close(fd)


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
