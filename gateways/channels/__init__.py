"""Channels of notifications: mail is sent, text messages and push are only places for a provider."""

from __future__ import annotations

from collections.abc import Mapping

from gateways.channels.console import ConsoleChannel
from gateways.channels.contract import Channel, Message
from gateways.channels.email import EmailChannel

__all__ = ["CHANNELS", "Channel", "Message"]

CHANNELS: Mapping[str, Channel] = {
    "email": EmailChannel(),
    "sms": ConsoleChannel("sms"),
    "push": ConsoleChannel("push"),
}
