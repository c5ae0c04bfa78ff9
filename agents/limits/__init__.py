"""How much one person may use: requests in a window of time, tokens and money in a day."""

from agents.limits.desk import Limits

__all__ = ["Limits"]
