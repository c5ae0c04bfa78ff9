"""The process's one runtime, wherever it is asked for: pages and API share it.

Kept here and not in a Streamlit cache: this package is never reloaded, and clearing caches (a key
press in the browser) must not make a second runtime beside a living one.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.runtime import Runtime

_lock = threading.Lock()
_holder: list[Runtime] = []


def current_runtime() -> Runtime:
    """The runtime, made on first use. Raises SwitchboardError when it cannot start; try again."""
    with _lock:
        if not _holder or _holder[0].closed:
            from agents.runtime import Runtime  # heavy: not before the server listens
            from core.settings import load_settings

            _holder[:] = [Runtime(load_settings())]
        return _holder[0]


def existing_runtime() -> Runtime | None:
    """The runtime if there is one; never makes it."""
    return _holder[0] if _holder else None
