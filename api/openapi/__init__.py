"""The OpenAPI document, its page, and the refusal of what it does not name."""
