"""The disk space that publishers must leave to consumers.

Every take and ack writes a little before it frees anything. If a backlog could fill the disk to the last byte, no
consumer could ever shorten it again.
"""

import os
import sqlite3

from litebroker.database import Database


class DiskFull(sqlite3.OperationalError):
    """Less disk space is free than the reserve; publishing is refused as on a full disk."""

    sqlite_errorcode = sqlite3.SQLITE_FULL


def ensure(database: Database) -> None:
    """Verify that `disk_reserve` bytes are free; raises DiskFull otherwise. Unused pages of the file count as free."""
    reserve = database.options.disk_reserve
    free = _free(database)
    if free < reserve and free + _spare(database) < reserve:
        raise DiskFull(f"database or disk is full: {free} bytes are free, {reserve} are kept for consumers")


def _free(database: Database) -> int:
    disk = os.statvfs(database.path.parent)
    return disk.f_bavail * disk.f_frsize


def _spare(database: Database) -> int:
    pages = database.read("PRAGMA freelist_count")[0][0]
    size = database.read("PRAGMA page_size")[0][0]
    return int(pages * size)
