"""Who asks: accounts, sessions, API keys, tokens of others, and the log of who did what."""

from agents.identity.desk import Identity

__all__ = ["Identity"]
