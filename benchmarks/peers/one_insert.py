"""Flask with one INSERT, the least that a view can do to store an order. No token, no validation, no price, no run."""

from __future__ import annotations

import json

from flask import Flask, Response, request
from sqlalchemy import create_engine, text

from config import settings
from db.schema import new_id

_TABLE = text("CREATE TABLE one_insert (id varchar(36) PRIMARY KEY, body text NOT NULL)")
_INSERT = text("INSERT INTO one_insert (id, body) VALUES (:id, :body)")

app = Flask("one_insert", static_folder=None)
engine = create_engine(settings().database_url, pool_size=32)


@app.post("/api/orders")
def order() -> Response:
    id = new_id()
    with engine.begin() as connection:
        connection.execute(_INSERT, {"id": id, "body": json.dumps(request.get_json())})
    return Response(json.dumps({"id": id}), 202, mimetype="application/json")


@app.get("/healthz")
def health() -> str:
    return "ok"


if __name__ == "__main__":  # prepare
    with engine.begin() as connection:
        connection.execute(_TABLE)
