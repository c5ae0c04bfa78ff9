"""What a page knows: the one runtime, who is looking, and small values of this browser session.

Session state holds ids and plain values only, and only this file names its keys.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import streamlit as st

from core.errors import Forbidden, SwitchboardError
from core.identity import Principal, Right
from core.ids import is_id
from pages.components import who

if TYPE_CHECKING:
    from agents.identity.audit import Action
    from agents.runtime import Runtime
    from analytics.queries import Queries

Given = ParamSpec("Given")
Result = TypeVar("Result")

TEMPORARY = "temporary_chat"
"""Key of the switch for it."""

_FRAME = "_frame"
_OWNER = "_owner"
_NOTICE = "_notice"
_CLOCK = "_clock"
_PROBLEMS = "/problems"
_ANSWERED = "_answered"


@dataclass(slots=True)
class ScriptClock:
    """Counts the script runs of a browser session. Shared by reference with watching threads."""

    runs: int = 0


def runtime() -> Runtime:
    """The process's runtime. Raises SwitchboardError when it cannot start; then tried again."""
    from agents.current import current_runtime

    return current_runtime()


def principal() -> Principal:
    """Who is looking. Found once per script run, and always somebody: see `enter_frame`."""
    return who.kept() or who.demand(runtime())


def owner() -> str:
    """The name under which everything of whoever is looking is stored."""
    return principal().owner


def allowed(right: Right) -> bool:
    """Whether whoever is looking may do this now."""
    return principal().may(right)


def require(right: Right) -> None:
    """For a page or a section that was reached without the right: one sentence, and it ends there."""
    if not allowed(right):
        say_forbidden()
        st.stop()


def say_forbidden() -> None:
    show_error(_forbidden())


def demand(right: Right) -> None:
    """Raises Forbidden. For callbacks: a widget may stand on a page from before a right was lost."""
    if not allowed(right):
        raise _forbidden()


def _forbidden() -> Forbidden:
    return Forbidden(
        "Your account has no right to this.", what_to_do="Ask an administrator if you need it."
    )


def needs(right: Right) -> Callable[[Callable[Given, Result]], Callable[Given, Result | None]]:
    """Decorates a callback, or what a button does: without the right it does nothing but say so."""

    def guarded(act: Callable[Given, Result]) -> Callable[Given, Result | None]:
        @wraps(act)
        def checked(*args: Given.args, **kwargs: Given.kwargs) -> Result | None:
            try:
                demand(right)
            except Forbidden as exc:
                keep_notice(exc)
                return None
            return act(*args, **kwargs)

        checked.__dict__["needs"] = right
        return checked

    return guarded


def note(action: Action, target: str = "", detail: str = "") -> None:
    """Writes down who did what, after it was done. `target`: an id; never what people wrote."""
    runtime().identity.audit.note(principal(), action, target, detail)


def figures() -> Queries:
    """The figures whoever is looking may see: everybody's or their own. Raises Forbidden."""
    return runtime().figures(principal())


def figures_key() -> tuple[str, str | None]:
    """Key of whatever pages keep of figures for all sessions: the database, and whose figures."""
    return str(runtime().settings.path("analytics.db")), figures().owner


def enter_frame() -> None:
    """Called by the entry file at the start of every script run. Without a login nothing comes after."""
    clock().runs += 1
    try:
        found = who.known(runtime())
    except SwitchboardError as exc:
        show_error(exc)
        st.stop()
    _forget_others(found)
    if found is None:
        from pages.components.login_screen import show_login_screen

        show_login_screen()
        st.stop()
    st.session_state[_FRAME] = True


def _forget_others(found: Principal | None) -> None:
    """Empties the browser session when what it holds is of somebody else, or of nobody any more."""
    now = found.owner if found else ""
    if st.session_state.get(_OWNER, now) != now:
        kept = clock()  # who watches it must not take this for a Stop
        st.session_state.clear()
        st.session_state[_CLOCK] = kept
    st.session_state[_OWNER] = now


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Around a page: it is drawn anew, wherever it stopped, when its reader's rights change."""
    built = runtime()
    try:
        yield
    finally:
        who.watch(built)


def clock() -> ScriptClock:
    if _CLOCK not in st.session_state:
        st.session_state[_CLOCK] = ScriptClock()
    value: ScriptClock = st.session_state[_CLOCK]
    return value


def begin_page(right: Right | None = None) -> Runtime:
    """The guard: first line of every page. Stops a page that was opened without the entry file.

    With a folder named `pages`, Streamlit can run a page file directly after a restart; then there
    would be no frame and no login around it. Without the right the page says so and ends.
    """
    if not st.session_state.pop(_FRAME, False):
        st.error("This page was opened without its frame.")
        st.page_link("streamlit_app.py", label="Open Switchboard")
        st.stop()
    try:
        built = runtime()
    except SwitchboardError as exc:
        show_error(exc)
        st.stop()
    built.warm_up.start()
    built.warm_up.page_seen()
    show_notice()
    if right is not None:
        require(right)
    return built


def show_error(exc: SwitchboardError) -> None:
    """The sentence for a person: what failed and what to do."""
    from pages.components.markdown import plain  # addresses in it can be copied

    st.error(f"{plain(exc.message)}  \n{plain(exc.what_to_do)}", icon=":material/error:")


def keep_notice(exc: SwitchboardError) -> None:
    """Shows an error of a callback at the top of the page in the run that follows it."""
    st.session_state[_NOTICE] = exc


def show_notice() -> None:
    exc = st.session_state.pop(_NOTICE, None)
    if exc is not None:
        show_error(exc)


def thread_id() -> str | None:
    """The thread in the URL, if it has the form of an id."""
    value = st.query_params.get("thread")
    return value if is_id(value) else None


def bad_thread_in_url() -> bool:
    """True when the URL names something that cannot be a thread."""
    return "thread" in st.query_params and thread_id() is None


def wants_temporary() -> bool:
    """Whether the next new thread is kept in memory only."""
    return bool(st.session_state.get(TEMPORARY, False))


def show_temporary_switch() -> None:
    """For the place under "New chat"."""
    st.toggle(
        "Temporary chat",
        key=TEMPORARY,
        help="A new chat is kept in memory only and is gone when Switchboard ends. "
        "Nothing of it is written down but counts: time, tokens, money.",
    )


def set_thread(value: str | None) -> None:
    if value is None:
        st.query_params.pop("thread", None)
    else:
        st.query_params["thread"] = value


def form_problems(form: str) -> dict[str, str]:
    """What is wrong with the fields of a form that was sent, by their keys."""
    found: dict[str, str] = st.session_state.get(f"{form}{_PROBLEMS}", {})
    return found


def keep_form_problems(form: str, problems: dict[str, str]) -> None:
    st.session_state[f"{form}{_PROBLEMS}"] = problems


def forget_form(form: str) -> None:
    """Forgets what was typed into the widgets whose keys begin with `form`."""
    for key in [key for key in st.session_state if str(key).startswith(form)]:
        del st.session_state[key]


def inbox_title() -> str:
    """The name of the inbox in the navigation, with the number of runs that wait for this person."""
    from agents.current import existing_runtime

    built = existing_runtime()
    if built is None or built.closed:
        return "Inbox"
    try:
        number = built.waiting.count(owner())
    except SwitchboardError:  # the page says it; the frame must stand
        return "Inbox"
    return f"Inbox ({number})" if number else "Inbox"


def keep_answered(thread_id: str) -> None:
    """Notes for the next script run that a question of this thread was answered."""
    st.session_state[_ANSWERED] = thread_id


def take_answered() -> str | None:
    value: str | None = st.session_state.pop(_ANSWERED, None)
    return value
