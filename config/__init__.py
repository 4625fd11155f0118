"""Every setting of the program: `settings()` returns those of this process, `checks` refuses wrong ones."""

from config.environment import Settings, load, settings

__all__ = ["Settings", "load", "settings"]
