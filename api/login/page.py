"""The one page of the login, in its few states."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from jinja2 import Template

# The pages send no referrer, and a form of a page that sends none says `Origin: null`.
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


def page(
    status: int = 200,
    *,
    next: str = "/",
    name: str | None = None,
    login: str = "",
    problem: str = "",
    note: str = "",
    accounts: bool = False,
    no_accounts: bool = False,
    providers: tuple[str, ...] = (),
    retry_after_s: int | None = None,
    onward: str = "",
) -> HTMLResponse:
    """`name`: of whoever is logged in; then there is no form. `next`: a local path. `onward`: of
    whoever has logged out, where the page leads by itself: a redirect would be the form's, and
    `form-action` lets no form lead to another host."""
    html = _template().render(
        title="You are logged out" if onward else "You are logged in" if name else "Log in",
        onward=onward,
        next=next,
        name=name,
        login=login,
        problem=problem,
        note=note,
        accounts=accounts,
        no_accounts=no_accounts,
        providers=providers,
    )
    headers = HEADERS if retry_after_s is None else HEADERS | {"Retry-After": str(retry_after_s)}
    return HTMLResponse(html, status, headers)


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined  # slow to import, and few processes need it

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    return environment.from_string((Path(__file__).parent / "page.html").read_text("utf-8"))
