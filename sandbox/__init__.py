"""The outside world for a laptop: a bank and a mailbox, each a process of its own."""
