"""The door: HTTP in, 202 or 4xx out. No rule of the shop lives here."""

from api.app import create_app

__all__ = ["create_app"]
