"""Webhook deliveries: signed requests, posted to the endpoints of others."""

from gateways.webhooks.posting import Answered, NotPosted, post
from gateways.webhooks.signing import headers

__all__ = ["Answered", "NotPosted", "headers", "post"]
