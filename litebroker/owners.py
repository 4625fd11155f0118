"""Who holds a message: a file that its process has locked.

The kernel frees the lock when the process ends, however it ends. So whoever gets the lock of another's file
knows that its owner is dead, and there is no timeout to guess.
"""

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Owner:
    """This process, as the broker file knows it."""

    def __init__(self, folder: Path) -> None:
        self.name = uuid.uuid4().hex
        self.path = folder / self.name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._fd: int | None = _locked_file(self.path)

    def forget(self) -> None:
        """After a fork: the child must not keep its parent's lock alive."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def leave(self) -> None:
        self.path.unlink(missing_ok=True)
        self.forget()


def _locked_file(path: Path) -> int:
    """Locked under a hidden name first: nobody may find the file before it is locked."""
    hidden = path.with_name(f".{path.name}")
    fd = os.open(hidden, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    hidden.rename(path)
    return fd


def names(folder: Path) -> set[str]:
    """All owners with a file, dead or alive."""
    if not folder.is_dir():
        return set()
    return {entry for entry in os.listdir(folder) if not entry.startswith(".")}


@contextmanager
def if_dead(folder: Path, name: str) -> Iterator[bool]:
    """True inside when the owner is dead; its lock is held meanwhile, so that only one process buries it."""
    try:
        fd = os.open(folder / name, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True  # already buried by another, or the folder was cleaned: nobody lives without a file
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
