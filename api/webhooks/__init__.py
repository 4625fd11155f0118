"""Endpoints for outgoing webhooks, over HTTP."""
