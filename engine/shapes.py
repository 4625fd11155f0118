"""Checks of a message before Celery unpacks it. Celery finds faults while it unpacks, and some kill its worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kombu.message import Message

from celery_app import app
from engine.steps import step_tasks

MOST_BYTES = 1_000_000  # a wave of 64 with the longest chain is a fiftieth of it
UNUSED = ("eta", "expires", "stamped_headers", "stamps")  # headers that the engine never sets
TEXTS = ("group", "root_id", "parent_id", "shadow", "argsrepr", "kwargsrepr", "origin")


class Misshapen(Exception):
    """The message cannot be carried out by any worker, however often it is delivered."""


def check(message: Message) -> None:
    """Verify that the message is a task as Celery's protocol 2 writes it. Raises Misshapen with the reason if not.

    https://docs.celeryq.dev/en/stable/internals/protocol.html#version-2
    """
    name = _head(message.headers)
    args, kwargs, embed = _body(message)
    _chain(embed)
    if name in app.tasks:  # one that is not, Celery rejects by itself
        _arguments(name, args, kwargs)


def _head(headers: Any) -> str:
    _must(isinstance(headers, Mapping), "no headers")
    _must(_is_text(headers.get("task")) and _is_text(headers.get("id")), "no task or no id")
    _must(not any(headers.get(name) for name in UNUSED), "an ETA, an expiry or stamps")
    _must(all(headers.get(name) is None or _is_text(headers[name]) for name in TEXTS), "a header that is no text")
    _must(headers.get("timelimit") in (None, [None, None]), "a time limit")
    _must(type(headers.get("retries", 0)) is int, "retries that are no number")
    return str(headers["task"])


def _body(message: Message) -> tuple[list[Any], dict[str, Any], dict[str, Any]]:
    _must(not message.errors, "a body that is compressed or damaged")
    _must(len(message.body or b"") <= MOST_BYTES, "too long")
    try:
        body = message.payload
    except Exception as error:
        raise Misshapen(f"unreadable: {type(error).__name__}") from error
    _must(isinstance(body, list) and len(body) == 3, "a body that is no list of three")
    args, kwargs, embed = body
    _must(isinstance(args, list), "arguments that are no list")
    _must(isinstance(kwargs, dict), "named arguments that are no document")
    _must(isinstance(embed, dict), "no document of what follows")
    return args, kwargs, embed


def _chain(embed: Mapping[str, Any]) -> None:
    _must(not any(embed.get(name) for name in ("callbacks", "errbacks", "chord")), "callbacks or a chord")
    chain = embed.get("chain")
    _must(chain is None or (isinstance(chain, list) and all(map(_is_link, chain))), "a chain that is none")


def _is_link(link: Any) -> bool:
    return (
        isinstance(link, dict)
        and link.get("task") in app.tasks
        and isinstance(link.get("args", []), list)
        and isinstance(link.get("kwargs", {}), dict)
        and isinstance(link.get("options", {}), dict)
        and link.get("subtask_type") is None
    )


def _arguments(name: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    try:
        app.tasks[name].__header__(*args, **kwargs)
    except TypeError as error:
        raise Misshapen("arguments that do not fit") from error
    if name in step_tasks:
        ids = kwargs["ids"] if "ids" in kwargs else args[0]
        _must(isinstance(ids, list) and all(map(_is_text, ids)), "ids that are no list of texts")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Misshapen(otherwise)
