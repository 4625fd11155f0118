"""Domain events, and the endpoints of others that they are delivered to."""
