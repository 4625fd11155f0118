"""Sandboxes for development: a bank and a mail sink, each a process of its own."""
