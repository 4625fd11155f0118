"""HTTP itself: blueprints, fields, problem documents, idempotency keys, rate limits, authentication."""
