"""The API: a second door to the same runtime, with no logic of its own.

Built on first use, because FastAPI and its routes take longer to import than the server to start.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from api.drain import Drain
from api.headers import App, Receive, Scope, Send

if TYPE_CHECKING:
    from fastapi import FastAPI

    from core.settings import Settings


def make_api(settings: Settings | None = None, drain: Drain | None = None) -> FastAPI:
    """Everything under /api. `settings`: by default those of the process; raises ConfigError.

    `drain`: of the process, when a signal can end it.
    """
    from fastapi import Depends, FastAPI

    from api import errors
    from api.completions.shape import OpenAIShape
    from api.connection import KnowsConnection
    from api.guards.install import install
    from api.guards.parameters import KnownParameters
    from api.routes import (
        analytics,
        chat,
        compare,
        completions,
        health,
        info,
        metrics,
        reference,
        runs,
        socket,
        threads,
    )
    from core.settings import load_settings
    from core.version import VERSION

    api = FastAPI(
        title="Switchboard",
        version=VERSION,
        description="Chat with LangGraph agents, compare models, read what answers cost.",
        docs_url=None,
        redoc_url=None,
        responses=errors.DOCUMENTED,
        dependencies=[Depends(KnownParameters())],
    )
    api.state.drain = drain or Drain()
    errors.install(api)
    for routes in (
        health,
        info,
        metrics,
        chat,
        runs,
        socket,
        threads,
        compare,
        analytics,
        completions,
        reference,
    ):
        api.include_router(routes.router)
    install(api, settings or load_settings())
    api.add_middleware(OpenAIShape)
    api.add_middleware(KnowsConnection)
    return api


class LazyApp:
    """An ASGI app that is built when it is first called, or before by `build`."""

    def __init__(self, make: Callable[[], App]) -> None:
        self._make = make
        self._app: App | None = None
        self._lock = threading.Lock()

    def build(self) -> App:
        """Any thread; once."""
        with self._lock:
            if self._app is None:
                self._app = self._make()
            return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if app is None:
            import anyio.to_thread

            app = await anyio.to_thread.run_sync(self.build)
        await app(scope, receive, send)
