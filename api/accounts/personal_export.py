"""All that the shop knows of a person, as one JSON document that is written while it is read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from flask import Response, current_app

import db
from shop.privacy import personal_data


def answer(user_id: str) -> Response:
    """The first of it is read before anything is sent, so that what goes wrong at once is a problem document."""
    parts = _parts(user_id)
    return Response(
        chain([next(parts)], parts),
        mimetype="application/json",
        headers={"Content-Disposition": 'attachment; filename="my-data.json"'},
    )


def _parts(user_id: str) -> Iterator[str]:
    """No session is open while a part is sent: a slow reader holds nothing but its own connection to us."""
    dumps = current_app.json.dumps  # there is no application any more once the answer is on its way
    with db.reading() as session:
        short = personal_data.export_for(session, user_id)
    yield dumps(short).removesuffix("}")
    for name, tell in personal_data.TOLD_BY_PAGE.items():
        yield f", {dumps(name)}: ["
        before = ""
        for rows in personal_data.pages(db.reading, user_id, tell):
            if rows:
                yield before + dumps(rows)[1:-1]
                before = ", "
        yield "]"
    yield "}"
