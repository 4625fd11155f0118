"""Gateways to the outside: payment providers, mail servers, webhook receivers.

They raise only Refused, TryAgain and Unknown (and, for a webhook that comes in, BadSignature).
"""
