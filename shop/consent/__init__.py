"""Consent to messages: topics, consents, suppressions, and limits on mail a recipient did not ask for."""
