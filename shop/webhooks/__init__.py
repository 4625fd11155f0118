"""Domain events, and the endpoints of others that they are posted to."""
