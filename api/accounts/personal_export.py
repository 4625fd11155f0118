"""The export of a customer's personal data: one JSON document, streamed page by page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from flask import Response, current_app

import db
from shop.privacy import personal_data


def answer(user_id: str) -> Response:
    """Stream the export. Its first part is read beforehand, so that an early error is still a problem document."""
    parts = _parts(user_id)
    return Response(
        chain([next(parts)], parts),
        mimetype="application/json",
        headers={"Content-Disposition": 'attachment; filename="my-data.json"'},
    )


def _parts(user_id: str) -> Iterator[str]:
    """Yield the JSON in parts. No database session is open while one is sent, so that a slow reader holds none."""
    dumps = current_app.json.dumps  # the app context has ended once the answer is on its way
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
