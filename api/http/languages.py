"""The language in which a customer or guest wants to read: from `Accept-Language` or as a field."""

from __future__ import annotations

import re
from typing import Any

from flask import request
from marshmallow import fields, validate

from shop.kernel.languages import LANGUAGES

TAG = re.compile(rf"({'|'.join(LANGUAGES)})(-[A-Z]{{2}})?\Z")


def asked() -> str:
    """Return the first of LANGUAGES that `Accept-Language` prefers, countries ignored; by default LANGUAGES[0]."""
    liked = (tag.split("-")[0].lower() for tag, quality in request.accept_languages if quality > 0)
    return next((language for language in liked if language in LANGUAGES), LANGUAGES[0])


def language(**kwargs: Any) -> fields.String:
    """Make a field that takes `de`, or `de-AT` for numbers and dates as they are written in that country."""
    shown = {"example": "de", "description": f"one of {', '.join(LANGUAGES)}, perhaps with a country: de-AT"}
    wrong = f"One of {', '.join(LANGUAGES)}, perhaps with a country: de-AT."
    return fields.String(validate=validate.Regexp(TAG, error=wrong), metadata=shown, **kwargs)
