"""Requests out of the OpenAPI document itself, good ones and bad ones, and whether every answer is as it says."""
