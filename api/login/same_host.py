"""Whether a form came from a page of this server."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

_USUAL_PORT = {"http": ":80", "https": ":443"}


def from_this_host(request: Request) -> bool:
    """True when the browser says that a page of this host sent the request.

    A browser always says it for a POST; a request that says nothing is refused, because it may be one
    that another page made and whose origin was hidden.
    """
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    said = request.headers.get("origin") or request.headers.get("referer")
    if not said:
        return False
    try:
        origin = urlsplit(said)
    except ValueError:
        return False
    if origin.scheme not in _USUAL_PORT:
        return False
    host = request.headers.get("host", "").lower()
    return origin.netloc.lower().removesuffix(_USUAL_PORT[origin.scheme]) == host.removesuffix(
        _USUAL_PORT[origin.scheme]
    )
