"""What the server process does around the pages: headers, host check, start-up, shutdown."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Protocol

from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from api.drain import Drain, SignalDrain
from api.headers import SecurityHeaders

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})


class Startable(Protocol):
    def start(self) -> None: ...


class Closable(Protocol):
    @property
    def warm_up(self) -> Startable: ...
    def resume(self) -> None: ...
    def drain(self, timeout: float) -> None: ...
    def close(self, timeout: float = ...) -> None: ...


def middleware(hosts: list[str]) -> list[Middleware]:
    """Host check first, then security headers. `hosts`: of api/guards/hosts.py."""
    import streamlit

    index = Path(streamlit.__file__).parent / "static" / "index.html"
    return [
        Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
        Middleware(SecurityHeaders, index_html=index.read_text("utf-8")),
    ]


def refuse_open_address(address: str | None, allowed: bool, *, login: bool) -> None:
    """Without a login only this machine may connect. Raises SystemExit with the sentence."""
    if login or allowed or (address or "").strip() in LOOPBACK:
        return
    raise SystemExit(
        f"Nobody has to log in here, so Switchboard will not listen on {address or 'every address'}. "
        "Set SWITCHBOARD_AUTH (docs/general/log-in.md says how), use --server.address 127.0.0.1, or "
        "set SWITCHBOARD_ALLOW_OPEN_ADDRESS=true if something in front of it checks who connects."
    )


def lifespan(
    runtime: Callable[[], Closable],
    existing: Callable[[], Closable | None],
    build_api: Callable[[], object],
    drain: Drain,
    say: Callable[[Any], None],
) -> Callable[[Any], Any]:
    """Starts the runtime and its warm-up with the server, and drains it when the server stops: on a
    signal before the server cuts anybody off, see api/drain.py.

    A runtime that cannot start (a data folder that cannot be written) does not stop the server: the
    page then shows the sentence that says what to do. `say` gets the runtime that did start.
    """

    @contextlib.asynccontextmanager
    async def run(_app: Any) -> AsyncIterator[None]:
        def start() -> None:
            with contextlib.suppress(Exception):  # shown on the page, which tries again
                built = runtime()
                built.warm_up.start()
                built.resume()
                say(built)
            build_api()

        def end_runs() -> Callable[[float], None] | None:
            built = existing()
            return None if built is None else built.drain

        starting = asyncio.create_task(asyncio.to_thread(start))
        signals = SignalDrain(drain, end_runs)
        signals.install()
        yield
        signals.remove()
        await starting
        built = existing()  # perhaps made by a page, after the first try failed
        if built is not None:
            await asyncio.to_thread(built.close, 6.0)

    return run
