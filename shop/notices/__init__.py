"""The content of messages: one function for each kind of message, from the row it is about."""
