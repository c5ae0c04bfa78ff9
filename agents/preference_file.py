"""Preferences as a file people carry from one installation to another. It is read with suspicion.

{"format": "switchboard-preferences", "version": 1, "preferences": {"agent": "react", ...}}
"""

from __future__ import annotations

import json

from agents.preferences import DEFAULTS, Preferences, Read, as_values, read
from core.errors import InvalidInput

FORMAT, VERSION = "switchboard-preferences", 1
MAX_BYTES = 100_000
MOST_NAMES = 200


def to_file(preferences: Preferences) -> str:
    """Everything, also what is as it is by default: the file says the same in every installation."""
    head = {"format": FORMAT, "version": VERSION}
    return json.dumps({**head, "preferences": as_values(preferences)}, indent=2, ensure_ascii=False)


def from_file(data: bytes, base: Preferences = DEFAULTS) -> Read:
    """What the file would make of `base`. Raises InvalidInput for what is no such file."""
    if len(data) > MAX_BYTES:
        raise _refused(f"it is larger than {MAX_BYTES // 1000} kB")
    try:
        whole = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        raise _refused("it is not text in UTF-8") from exc
    except (ValueError, RecursionError) as exc:
        raise _refused("it is not JSON") from exc
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise _refused(f'it does not say "format": "{FORMAT}"')
    if whole.get("version") != VERSION:
        raise _refused(f"it is of another version than {VERSION}")
    values = whole.get("preferences")
    if not isinstance(values, dict) or len(values) > MOST_NAMES:
        raise _refused('it has no object "preferences" with their names and values')
    return read(values, base)


def _refused(why: str) -> InvalidInput:
    return InvalidInput(
        f"The file cannot be imported: {why}.",
        what_to_do="Choose a file that was exported on this page.",
    )
