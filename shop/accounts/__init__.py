"""Accounts: who they are, how they sign in, where they live and how their addresses are written."""
