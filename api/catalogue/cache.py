"""The cache of the public catalogue answers, kept for a few seconds. Carts and orders never read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from flask import Flask, Response, current_app

import caching
from api.http.etags import tag_of
from caching import Kept
from config import settings
from shop.catalogue.cache_invalidation import LISTS, TREE, topic

NAME = "catalogue_cache"


def init_app(app: Flask) -> None:
    app.extensions[NAME] = caching.opened(settings())


def product(id_or_slug: str, currency: str, load: Callable[[], tuple[Any, str]]) -> Response:
    """Answer a product from the cache; on a miss `load` returns its body and ETag."""
    name = topic(id_or_slug)
    return _answer(f"{name}.{currency}", (TREE, name), lambda: _kept(*load()))


def many(view: str, query: Mapping[str, Any], load: Callable[[], Any]) -> Response:
    """Answer a list from the cache, by view and query; on a miss `load` returns its body."""
    asked = sha256(json.dumps(query, sort_keys=True).encode()).hexdigest()
    return _answer(f"{view}.{asked}", (LISTS,), lambda: _kept(load()))


def _answer(key: str, topics: tuple[str, ...], load: Callable[[], Kept]) -> Response:
    kept = caching.read_through(current_app.extensions[NAME], key, topics, load)
    return Response(kept.body, mimetype="application/json", headers={"ETag": kept.tag})


def _kept(body: Any, tag: str | None = None) -> Kept:
    text = current_app.json.dumps(body)
    return Kept(text, tag or tag_of(text))
