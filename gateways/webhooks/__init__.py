"""Webhooks: signed, and posted to addresses that are not ours."""

from gateways.webhooks.posting import Answered, NotPosted, post
from gateways.webhooks.signing import headers

__all__ = ["Answered", "NotPosted", "headers", "post"]
