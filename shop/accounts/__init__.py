"""Accounts: users, sessions, passwords, address books, and how addresses are written."""
