"""Passwords: rules, and argon2 in equal time for names that exist and names that do not."""

from __future__ import annotations

import threading
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InvalidInput

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 12, 1000
AT_ONCE = 2
"""Hashes at the same time: each takes 64 MB and four threads."""

_COMMON = Path(__file__).with_name("common_passwords.txt")
"""Of public lists of leaked passwords, those of 12 characters and more that are met most."""


class Passwords:
    """Safe from any thread."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher
        self._nobody: str | None = None
        self._making = threading.Lock()
        self._places = threading.Semaphore(AT_ONCE)

    def hash(self, password: str, login: str) -> str:
        """Raises InvalidInput for one that is too short, too long or too easy."""
        kept = _checked(password, login)
        with self._places:
            return self._ready()[0].hash(kept)

    def fits(self, kept: str | None, password: object) -> bool:
        """Whether it is the password of this hash. Without one it takes as long, and is never."""
        from argon2.exceptions import Argon2Error, InvalidHashError

        hasher, nobody = self._ready()
        given = _normal(password) if isinstance(password, str) else None
        with self._places:
            try:
                right = hasher.verify(kept or nobody, given or "")
            except (Argon2Error, InvalidHashError):
                return False
        return right and kept is not None and given is not None

    def is_old(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._ready()[0].check_needs_rehash(kept)

    def hash_again(self, password: str) -> str:
        """Of one that was accepted before: rules of today do not lock anybody out."""
        with self._places:
            return self._ready()[0].hash(_normal(password) or "")

    def _ready(self) -> tuple[PasswordHasher, str]:
        with self._making:
            if self._hasher is None:
                from argon2 import PasswordHasher

                self._hasher = PasswordHasher()
            if self._nobody is None:
                self._nobody = self._hasher.hash("the password of nobody")
            return self._hasher, self._nobody


def _normal(password: str) -> str | None:
    """One form for what different keyboards send; None for what cannot be a password."""
    if len(password) > LONGEST:
        return None
    try:
        normal = unicodedata.normalize("NFKC", password)
        normal.encode()
    except UnicodeEncodeError:
        return None
    return normal


def _checked(password: str, login: str) -> str:
    normal = _normal(password)
    if normal is None or len(normal) < SHORTEST:
        raise InvalidInput(
            f"A password has {SHORTEST} to {LONGEST:,} characters.",
            what_to_do="Choose another password; several words in a row are easy to remember.",
        )
    low = normal.casefold()
    if (
        low in _COMMON.read_text(encoding="utf-8").split()
        or len(set(low)) < 5
        or low.strip() == login
    ):
        raise InvalidInput(
            "This password is the login name or one of those that are tried first.",
            what_to_do="Choose another password; several words in a row are easy to remember.",
        )
    return normal
