"""Every setting of the program: `settings()` are those of this process, `checks` says what they may not be."""

from config.environment import Settings, load, settings

__all__ = ["Settings", "load", "settings"]
