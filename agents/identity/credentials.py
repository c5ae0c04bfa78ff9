"""Random secrets, and the only form in which they are kept.

They have 256 random bits, so a plain SHA-256 cannot be guessed backwards, and to look one up by its
hash tells nobody who measures the time anything about another.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string

KEY_PREFIX = "sb-"
_ALPHABET = string.ascii_letters + string.digits
_KEY_CHARS = 43  # 62 ** 43 > 2 ** 256
_KEY = re.compile(r"sb-[A-Za-z0-9]{43}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def new_session_token() -> str:
    return secrets.token_urlsafe(32)


def new_api_key() -> str:
    """`sb-` and letters and digits only: a double click takes all of it."""
    return KEY_PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_KEY_CHARS))


def is_session_token(value: object) -> bool:
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def is_api_key(value: str) -> bool:
    return _KEY.fullmatch(value) is not None


def hint(key: str) -> str:
    """What may be shown of a key."""
    return f"{key[:7]}…{key[-4:]}"


def digest(*parts: str) -> str:
    """SHA-256 of the parts, which cannot run into each other."""
    joined = "\0".join(parts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()
