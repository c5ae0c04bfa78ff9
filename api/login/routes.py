"""/login and /logout: what a browser without a login gets to see, and what it sends."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.login import cookies, oidc
from api.login.form import read_form
from api.login.local_path import HOME, local_path
from api.login.page import HEADERS, page
from api.login.same_host import from_this_host
from api.login.visitor import Visitor, visitor
from core.errors import InvalidInput, NotLoggedIn, RateLimited, SwitchboardError
from core.identity import SESSION_COOKIE

if TYPE_CHECKING:
    from agents.runtime import Runtime

WRONG = "The name or the password is not right."
REFUSED = (
    "Your organisation knows you, but this login does not hold here: it has ended, or your access "
    "was taken away. Log in again, or ask an administrator."
)
ELSEWHERE = "This form was not sent by a page of Switchboard. Log in here."


class Login:
    """The routes over one runtime, which is made on first use."""

    def __init__(self, runtime: Callable[[], Runtime]) -> None:
        self._runtime = runtime

    def routes(self) -> list[Route]:
        return [
            Route("/login", self.show, methods=["GET"]),
            Route("/login", self.log_in, methods=["POST"]),
            Route("/login/oidc", self.to_provider, methods=["GET"]),
            Route("/logout", self.log_out, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        there = local_path(request.query_params.get("next"))
        try:
            who = await run_in_threadpool(self._visitor, request)
            if who.principal is not None:
                return page(next=there, name=who.principal.name)
            answer = await self._form(there, problem=REFUSED if who.refused else "")
        except SwitchboardError as exc:
            return _cannot(exc)
        if SESSION_COOKIE in request.cookies:
            cookies.forget(request, answer)
        return answer

    async def log_in(self, request: Request) -> Response:
        try:
            fields = await read_form(request)
            there = local_path(fields.get("next"))
            if not from_this_host(request):
                return await self._form(there, 403, problem=ELSEWHERE)
            return await self._try(request, fields, there)
        except InvalidInput as exc:
            return page(400, problem=f"{exc.message} {exc.what_to_do}")
        except SwitchboardError as exc:
            return _cannot(exc)

    async def _try(self, request: Request, fields: dict[str, str], there: str) -> Response:
        name, remote = fields.get("login", ""), request.client.host if request.client else ""
        try:
            token = await run_in_threadpool(
                self._log_in, name, fields.get("password", ""), remote, request
            )
        except RateLimited as exc:
            wait_s = max(1, math.ceil(exc.retry_after_s))
            problem = f"{exc.message} Wait {in_words(wait_s)}, then try again."
            return await self._form(there, 429, login=name, problem=problem, retry_after_s=wait_s)
        except NotLoggedIn:
            return await self._form(there, 403, login=name, problem=WRONG)
        answer = RedirectResponse(there, 303, HEADERS)
        runtime = await run_in_threadpool(self._runtime)
        lives_s = int(runtime.settings.session_hours * 3600)
        cookies.keep(request, answer, SESSION_COOKIE, token, lives_s)
        return answer

    async def to_provider(self, request: Request) -> Response:
        """Remembers where to, and opens Streamlit's door to the identity provider."""
        provider = request.query_params.get("provider", "default")
        there = local_path(request.query_params.get("next"))
        try:
            ways, _ = await run_in_threadpool(self._ways)
        except SwitchboardError as exc:
            return _cannot(exc)
        if "oidc" not in ways or provider not in oidc.providers():
            return RedirectResponse("/login", 303, HEADERS)
        answer = RedirectResponse(oidc.door(provider), 303, HEADERS)
        if there != HOME:
            cookies.keep(request, answer, cookies.NEXT_COOKIE, there, cookies.NEXT_LIVES_S)
        return answer

    async def log_out(self, request: Request) -> Response:
        """Ends the session on the server, whatever the browser does with its cookie."""
        if not from_this_host(request):
            return await self._form(HOME, 403, problem=ELSEWHERE)
        try:
            via_provider = await run_in_threadpool(self._log_out, request)
        except SwitchboardError as exc:
            return _cannot(exc)
        answer: Response = RedirectResponse("/login", 303, HEADERS)
        if via_provider:
            answer = page(onward="/auth/logout")
        cookies.forget(request, answer)
        return answer

    async def _form(
        self,
        there: str,
        status: int = 200,
        *,
        login: str = "",
        problem: str = "",
        retry_after_s: int | None = None,
    ) -> Response:
        ways, empty = await run_in_threadpool(self._ways)
        return page(
            status,
            next=there,
            login=login,
            problem=problem,
            accounts="accounts" in ways,
            no_accounts=empty,
            providers=tuple(oidc.providers()) if "oidc" in ways else (),
            retry_after_s=retry_after_s,
        )

    # -- what blocks

    def _visitor(self, request: Request) -> Visitor:
        return visitor(self._runtime(), request.cookies)

    def _ways(self) -> tuple[tuple[str, ...], bool]:
        """How people log in, and whether nobody can: accounts are the only way and there is none."""
        runtime = self._runtime()
        ways = runtime.settings.auth
        return ways, ways == ("accounts",) and not runtime.identity.accounts.all()

    def _log_in(self, login: str, password: str, remote: str, request: Request) -> str:
        """A new session; the one this browser had before ends."""
        identity = self._runtime().identity
        token = identity.accounts.log_in(login, password, remote)
        if before := request.cookies.get(SESSION_COOKIE):
            identity.sessions.end(before)
        return token

    def _log_out(self, request: Request) -> bool:
        """Whether the identity provider's own cookie is to be dropped too."""
        runtime = self._runtime()
        who = visitor(runtime, request.cookies).principal
        if who is not None:
            runtime.identity.sessions.end_one(who)
        return who is not None and who.via == "oidc"


def in_words(seconds: int) -> str:
    """A time to wait, as people say it."""
    if seconds < 90:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    return f"{math.ceil(seconds / 60)} minutes"


def _cannot(exc: SwitchboardError) -> Response:
    """The store cannot be read: nobody can be let in, and the page says why."""
    return page(
        503 if exc.http_status >= 500 else exc.http_status,
        problem=f"{exc.message} {exc.what_to_do}",
    )
