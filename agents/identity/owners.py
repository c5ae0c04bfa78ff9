"""Under which name things are stored: one person, one owner, and no two people the same.

    local                    the one person where nobody logs in
    alice                    an account of this installation: its login name, which has no colon
    ext:<issuer>:<subject>   somebody an identity provider vouches for, on pages and in the API alike
    extsha:<issuer>:<hash>   the same, when the subject is too long for the column

<issuer> is the start of a hash of the issuer's name. A provider can so never name an account of this
installation or a person of another provider, whatever it puts into a token.
"""

from __future__ import annotations

import re

from agents.identity.credentials import digest
from core.errors import InvalidInput
from core.text import clean

MAX_OWNER = 255
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,63}")
_RESERVED = frozenset({"local", "nobody", "anonymous", "erased", "system", "unknown"})


def login_name(text: object) -> str:
    """The login as it is kept: lower case. Raises InvalidInput."""
    login = text.strip().lower() if isinstance(text, str) and len(text) <= 1000 else ""
    if not _LOGIN.fullmatch(login):
        raise InvalidInput(
            "A login name has 2 to 64 of the letters a to z, digits and . _ @ + -, and begins with "
            "a letter or a digit.",
            what_to_do="Choose another login name.",
        )
    if login in _RESERVED:
        raise InvalidInput(
            f"The login name '{login}' means something else here.",
            what_to_do="Choose another login name.",
        )
    return login


def typed_login(text: object) -> str:
    """What somebody typed at the login, in a form that can be looked up; empty when it cannot be one."""
    try:
        return login_name(text)
    except InvalidInput:
        return ""


def external_owner(issuer: str, subject: object) -> str | None:
    """None for a subject that cannot be one."""
    if not isinstance(subject, str) or not 1 <= len(subject) <= MAX_OWNER:
        return None
    if subject != clean(subject).strip() or not subject.isprintable():
        return None
    who = digest(issuer)[:16]
    plain = f"ext:{who}:{subject}"
    return plain if len(plain) <= MAX_OWNER else f"extsha:{who}:{digest(subject)}"


def display_name(text: object, otherwise: str) -> str:
    """What pages call somebody, in one line."""
    line = " ".join(clean(text[:1000]).split())[:120] if isinstance(text, str) else ""
    return line or otherwise[:120]
