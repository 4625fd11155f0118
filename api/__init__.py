"""The HTTP API: a request in, a 202 or a 4xx out. No rule of the shop lives here."""

from api.app import create_app

__all__ = ["create_app"]
