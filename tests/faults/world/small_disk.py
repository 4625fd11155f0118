"""A disk so small that it can be filled."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BLOCK = bytes(64 * 1024)


class Disk:
    """A small disk: `fill` leaves not a byte free, `free` undoes it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._ballast = folder, folder / "ballast"

    def fill(self) -> None:
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (len(BLOCK), 4096, 1):
                _write_until_full(ballast.fileno(), BLOCK[:size])

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """Mount a disk in memory at the folder. Only root may; else the drill is skipped with a reason, or fails in CI."""
    folder.mkdir()
    if refused := _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "orderwave-drill", str(folder)):
        skip = pytest.fail if os.environ.get("CI") else pytest.skip
        skip(f"NOT TESTED: no disk of our own here, {refused}")
    try:
        yield Disk(folder)
    finally:
        _run("umount", "--lazy", str(folder))


def _run(*command: str) -> str:
    """Run a command; return its error output if it failed, else an empty text."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def _write_until_full(fd: int, block: bytes) -> None:
    while True:
        try:
            os.write(fd, block)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return
