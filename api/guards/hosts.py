"""The names a server may be called by, decided once at the start.

A name that is not on the list is what DNS rebinding looks like: a page of somebody else's host whose
address was turned to this machine. The check itself is Starlette's, for HTTP and sockets alike.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def served_hosts(address: str | None, configured: Iterable[str], *, login: bool) -> list[str]:
    """What the Host header may be, without ports. `configured`: server.allowedHosts.

    Raises SystemExit with the sentence when nobody could reach the address that is served, or when
    any name would do.
    """
    names = [_as_host(name) for name in configured if name.strip()]
    if "*" in names:
        raise SystemExit(
            "server.allowedHosts is *, so any page could call Switchboard by a name of its own. "
            "Name the hosts people use, such as switchboard.example."
        )
    served = (address or "").strip()
    if _is_one_address(served):  # a number cannot be turned to another machine by DNS
        names.append(_as_host(served))
    hosts = list(dict.fromkeys([*names, *LOOPBACK]))
    if (
        login
        and served not in ("localhost", "127.0.0.1", "::1", "[::1]")
        and not set(hosts) - set(LOOPBACK)
    ):
        raise SystemExit(
            f"Switchboard listens on {served or 'every address'} and would answer only to localhost. "
            "Set server.allowedHosts in .streamlit/config.toml, or "
            "STREAMLIT_SERVER_ALLOWED_HOSTS=switchboard.example, to the names people call it by."
        )  # fmt: skip
    return hosts


def _as_host(name: str) -> str:
    """As a Host header says it: lower case, no final dot, IPv6 in brackets."""
    host = name.strip().lower().rstrip(".")
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _is_one_address(served: str) -> bool:
    try:
        address = ipaddress.ip_address(served.strip("[]"))
    except ValueError:
        return False
    return not address.is_unspecified
