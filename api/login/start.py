"""What is looked at before the server starts, when people have to log in."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.middleware import Middleware
from starlette.routing import Route

from api.login import oidc
from api.login.gate import Gate
from api.login.routes import Login
from api.login.visitor import visitor
from core.errors import SwitchboardError

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from core.settings import Settings

log = logging.getLogger(__name__)


def refuse_unfinished_login(settings: Settings) -> None:
    """Raises SystemExit with the sentence when people would stand before a door without a key."""
    problem = oidc.problem() if "oidc" in settings.auth else None
    if problem:
        raise SystemExit(f"{problem} See docs/general/log-in.md.")


def login_routes(settings: Settings) -> list[Route]:
    """Routes that go before Streamlit's; none where nobody logs in."""
    return Login(_runtime).routes() if settings.auth else []


def gate(settings: Settings) -> list[Middleware]:
    """Goes after the host check and the headers; nothing where nobody logs in."""
    return [Middleware(Gate, knows=_knows)] if settings.auth else []


def say_who_can_log_in(runtime: Runtime) -> None:
    """One line in the log when nobody can."""
    if runtime.settings.auth == ("accounts",) and not runtime.identity.accounts.all():
        log.warning(
            "People log in with accounts and there is none yet, so nobody can. "
            "Add the first with `python -m api.accounts add NAME --role admin`."
        )


def _runtime() -> Runtime:
    from agents.current import current_runtime

    return current_runtime()


def _knows(cookies: Mapping[str, str]) -> bool:
    try:
        return visitor(_runtime(), cookies).principal is not None
    except SwitchboardError:  # the login page says what is wrong
        return False
