"""The metadata of every table: the engine's, and those that the packages of `shop` declare."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages

import engine.slots
import engine.tables  # noqa: F401 - both declare the engine's tables
import shop
from db.schema import Base

for room in walk_packages(shop.__path__, prefix="shop."):
    import_module(room.name)

metadata = Base.metadata
