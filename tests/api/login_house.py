"""What the login routes and the gate need of a runtime, over a real database; and a browser for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from argon2 import PasswordHasher
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from agents.identity import Identity
from agents.identity.passwords import Passwords
from agents.migrations import make_or_migrate
from api.login.gate import Gate
from api.login.routes import Login
from api.login.visitor import visitor
from core.database import IN_MEMORY, Database
from core.settings import Settings

HTML = {"accept": "text/html,application/xhtml+xml"}
FROM_HERE = {"origin": "http://testserver"}
ADA = {"login": "ada", "password": "a-long-password-of-ada"}
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class House:
    """As much of a runtime as is asked for. `looks`: how often the gate had to ask."""

    settings: Settings
    identity: Identity
    looks: int = 0


def make_house(*, auth: tuple[str, ...] = ("accounts",), people: bool = True, **rest: Any) -> House:
    settings = Settings(auth=auth, **rest)
    database = Database(IN_MEMORY, prepare=make_or_migrate)
    identity = Identity(settings, database, passwords=Passwords(QUICK))
    if people:
        identity.accounts.add("ada", name="Ada <b>", role="admin", password=ADA["password"])
    return House(settings, identity)


def server_of(house: House, clock: Any = None) -> Starlette:
    """The login in front of a page that says its path, a socket and the rest of what Streamlit has."""

    def knows(cookies: Any) -> bool:
        house.looks += 1
        return visitor(house, cookies).principal is not None  # type: ignore[arg-type]

    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"page {request.url.path}")

    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("in")
        await socket.close()

    options = {} if clock is None else {"clock": clock}
    return Starlette(
        routes=[
            *Login(lambda: house).routes(),  # type: ignore[arg-type, return-value]
            WebSocketRoute("/_stcore/stream", stream),
            WebSocketRoute("/api/ws/chat", stream),
            Route("/{path:path}", page, methods=["GET", "HEAD", "PUT", "POST"]),
        ],
        middleware=[Middleware(Gate, knows=knows, **options)],
    )


def browser_of(house: House, clock: Any = None, **options: Any) -> TestClient:
    return TestClient(server_of(house, clock), follow_redirects=False, **options)


def log_in(browser: TestClient, **fields: str) -> Any:
    return browser.post("/login", data=ADA | fields, headers=FROM_HERE)
