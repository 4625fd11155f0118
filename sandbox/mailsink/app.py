"""The URLs of the sink."""

from __future__ import annotations

from tornado.web import Application

from sandbox import web
from sandbox.mailsink import pages
from sandbox.mailsink.delivery_mode import DeliveryMode
from sandbox.store import Store


def create_app(store: Store, mood: DeliveryMode) -> Application:
    parts = {"store": store, "mood": mood}
    return Application(
        [
            (r"/messages", pages.Messages, parts),
            (r"/messages/([0-9]{1,15})", pages.Raw, parts),
            (r"/mail/([0-9]{1,15})", pages.Page, parts),
            (r"/mail/([0-9]{1,15})/html", pages.HtmlPart, parts),
            (r"/control", pages.Control, parts),
            (r"/healthz", web.Health),
            (r"/style.css", web.Style),
            (r"/", pages.List, parts),
        ],
        default_handler_class=web.NotFound,
        log_function=web.silent,
    )
