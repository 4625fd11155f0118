"""Notification preferences: which topics, by which channels, in which language."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

import db
from api.http.blueprint import Blueprint
from api.http.fields import Boolean, Moment
from api.http.languages import language
from api.http.paging import an_id, page, start
from api.http.schemas import PageQuery, Schema, page_of
from api.http.security import caller, signed_in
from shop.consent import consents, preferences
from shop.consent.preferences import Preferences
from shop.consent.topics import MARKETING, Channel, Topic
from shop.kernel.languages import LANGUAGES

blp = Blueprint("preferences", __name__, description="Preferences")

TOPICS = [Topic.ORDERS, *MARKETING]


def by_channel(topic: str) -> fields.Nested:
    """Make the field of a topic with its channels. Mails about orders belong to the sale: only `true` is valid."""
    channels: dict[str, Any] = {channel: Boolean() for channel in Channel}
    if topic == Topic.ORDERS:
        channels = {Channel.EMAIL: Boolean(validate=validate.Equal(True, error="Mails about orders are always sent."))}
    return fields.Nested(type(f"{topic.title().replace('_', '')}ChannelsSchema", (Schema,), channels))


TopicsSchema = type("TopicsSchema", (Schema,), {topic: by_channel(topic) for topic in TOPICS})


class PreferencesSchema(Schema):
    """`marketing_emails` means every marketing topic by e-mail; a topic in `topics` overrides it."""

    language = language(load_default=LANGUAGES[0])
    marketing_emails = Boolean(load_default=False)
    topics = fields.Nested(TopicsSchema, load_default=dict)


class ConsentSchema(Schema):
    topic = fields.String(metadata={"enum": [*MARKETING]})
    channel = fields.String(metadata={"enum": [*Channel]})
    granted = fields.Boolean()
    source = fields.String(metadata={"description": "where it was said: preferences, unsubscribe link"})
    at = Moment()


@blp.get("/api/users/me/preferences")
@signed_in
@blp.response(200, PreferencesSchema)
def get_preferences() -> dict[str, Any]:
    """Get notification preferences.

    Marketing is off until it is asked for, and leaves only for an address that was confirmed.
    """
    with db.reading() as session:
        return _shown(preferences.of(session, caller().id))


@blp.put("/api/users/me/preferences")
@signed_in
@blp.arguments(PreferencesSchema)
@blp.response(200, PreferencesSchema)
def replace_preferences(wish: dict[str, Any]) -> dict[str, Any]:
    """Replace notification preferences.

    Replaces all of them: a topic that is not named is off. An answer of GET can be sent back.
    """
    by_mail = dict.fromkeys(MARKETING, wish["marketing_emails"])
    wanted: set[tuple[str, str]] = {(topic, Channel.EMAIL) for topic, yes in by_mail.items() if yes}
    for topic, channels in wish["topics"].items():
        wanted |= {(topic, channel) for channel, yes in channels.items() if yes}
        wanted -= {(topic, channel) for channel, yes in channels.items() if not yes}
    with db.transaction() as session:
        preferences.change(session, caller().id, wish["language"], wanted)
        return _shown(preferences.of(session, caller().id))


@blp.get("/api/users/me/consents")
@signed_in
@blp.arguments(PageQuery, location="query")
@blp.response(200, page_of(ConsentSchema))
def list_consents(query: dict[str, Any]) -> dict[str, Any]:
    """List consents.

    Every consent that you gave or withdrew, newest first, with when and where.
    """
    before = start(query["cursor"], an_id)
    with db.reading() as session:
        rows = consents.newest(session, caller().id, limit=query["limit"] + 1, before=before)
    return page(rows, query["limit"], lambda row: [row.id])


def _shown(now: Preferences) -> dict[str, Any]:
    topics: dict[str, dict[str, bool]] = {Topic.ORDERS: {Channel.EMAIL: True}}
    for topic in MARKETING:
        topics[topic] = {channel: (topic, channel) in now.wanted for channel in Channel}
    everything = all(topics[topic][Channel.EMAIL] for topic in MARKETING)
    return {"language": now.language, "marketing_emails": everything, "topics": topics}
