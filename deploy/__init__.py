"""Run a copy: its processes, their supervisor, its migrations."""
