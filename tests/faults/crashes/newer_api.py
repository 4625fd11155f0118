"""The API of tomorrow's code: it accepts orders whose plan has the step that `newer` adds."""

from __future__ import annotations

import api.ordering
from api.wsgi import app
from tests.faults.crashes import newer

__all__ = ["app"]

api.ordering.place_order = newer.place_order
