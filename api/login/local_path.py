"""Where a login may lead: a path of this server, never another host."""

from __future__ import annotations

from urllib.parse import urlsplit

HOME = "/"
MAX_CHARS = 2_000
_NOT_PAGES = ("/login/", "/logout/", "/auth/", "/oauth2callback/", "/api/", "/_stcore/")


def local_path(asked: str | None) -> str:
    """`asked` when it is a path of a page here, else the first page.

    Browsers read `//host` and `/\\host` as another host, and drop tabs and line ends before they look.
    """
    if not asked or len(asked) > MAX_CHARS or not asked.startswith("/"):
        return HOME
    if asked.startswith("//") or "\\" in asked or any(ord(c) <= 32 or ord(c) == 127 for c in asked):
        return HOME
    try:
        parts = urlsplit(asked)
    except ValueError:
        return HOME
    if parts.scheme or parts.netloc or f"{parts.path}/".startswith(_NOT_PAGES):
        return HOME
    return asked
