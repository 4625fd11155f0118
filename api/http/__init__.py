"""HTTP itself: blueprints, fields, problem documents, idempotency, limits, who is asking."""
