"""Alerts: rules that are evaluated every half minute, and what is told when one fires."""

from __future__ import annotations

from analytics.alerts.watcher import Firing, Watcher, WatcherHealth

__all__ = ["Firing", "Watcher", "WatcherHealth"]
