"""Who may be written to about what: topics, consents, suppressions, limits."""
