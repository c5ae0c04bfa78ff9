"""The composition root: the one place below the doors where agents and analytics meet."""

from agents.runtime.runtime import Runtime

__all__ = ["Runtime"]
