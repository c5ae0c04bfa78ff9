"""The commands of the interactive chat."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InvalidInput
from core.text import clean

if TYPE_CHECKING:
    from api.client.values import Json
    from api.terminal.talk import Talk

_LISTED = 20
_FORMS = {".md": "markdown", ".json": "json", ".html": "html"}
AUTOMATIC = "auto"


class Commands:
    """Each method is a command; the first line of its docstring is its help."""

    def __init__(self, talk: Talk) -> None:
        self.talk, self._screen = talk, talk.screen
        self._all: dict[str, Callable[[str], None]] = {
            name.removeprefix("do_"): getattr(self, name)
            for name in dir(self)
            if name.startswith("do_")
        }

    def do(self, line: str) -> bool:
        """Carries a command out. False: the person wants to leave. Raises SwitchboardError."""
        name, _, rest = line[1:].strip().partition(" ")
        if name in ("quit", "exit"):
            return False
        found = self._all.get(name)
        if found is None:
            raise InvalidInput(f"There is no command /{name}.", what_to_do="/help lists them.")
        found(rest.strip())
        return True

    def names(self) -> list[str]:
        return sorted([*self._all, "quit"])

    def do_help(self, _rest: str) -> None:
        """this list"""
        for name, command in self._all.items():
            usage, _, what = (command.__doc__ or "").strip().rpartition("— ")
            self._screen.line(f"  /{f'{name} {usage}'.strip():<20} {what}")
        self._screen.line(f"  /{'quit':<20} leave; also Ctrl-D")
        self._screen.line(
            "Ctrl-C stops an answer, once more leaves. A line that ends with \\ goes on."
        )

    # -- threads

    def do_new(self, _rest: str) -> None:
        """a new thread"""
        self.talk.thread_id = self.talk.answer = None
        self._screen.line("A new thread.", "dim")

    def do_threads(self, rest: str) -> None:
        """[words] — your threads, newest first"""
        found = self.talk.switchboard.threads(rest or None, page_size=_LISTED)
        self.talk.listed = _first(found, _LISTED)
        if not self.talk.listed:
            self._screen.line("There is none.", "dim")
        for n, thread in enumerate(self.talk.listed, 1):
            state = thread.get("state")
            more = f"  ({state})" if state in ("running", "waiting", "unread") else ""
            self._screen.line(f"{n:>3}. {thread['title']}{more}")

    def do_open(self, rest: str) -> None:
        """N — go on with a thread of the list, or with an id"""
        talk = self.talk
        if rest.isdecimal() and len(rest) < 9:
            n = int(rest)
            if not 1 <= n <= len(talk.listed):
                raise InvalidInput("There is no such number.", what_to_do="/threads lists threads.")
            rest = str(talk.listed[n - 1]["thread_id"])
        if not rest:
            raise InvalidInput(
                "Which one?", what_to_do="/threads lists threads with their numbers."
            )
        state = talk.switchboard.thread(rest)["state"]
        messages = talk.switchboard.history(rest, limit=2)["messages"]
        talk.thread_id, talk.answer = rest, None
        if messages and state in ("running", "waiting"):
            self._messages(one for one in messages if one["role"] == "user")
            talk.follow(str(messages[-1]["run_id"]))
        else:
            self._messages(messages)

    def do_history(self, rest: str) -> None:
        """[n] — the last messages of this thread"""
        thread = self._thread()
        count = min(max(int(rest), 1), 200) if rest.isdecimal() and len(rest) < 9 else 20
        self._messages(self.talk.switchboard.history(thread, limit=count)["messages"])

    def do_clear(self, _rest: str) -> None:
        """delete the messages of this thread"""
        thread = self._thread()
        if self.talk.sure("Delete all messages of this thread?"):
            self.talk.switchboard.clear(thread)
            self.talk.answer = None
            self._screen.line("Cleared.", "dim")

    def do_archive(self, _rest: str) -> None:
        """put this thread away"""
        self.talk.switchboard.archive(self._thread())
        self.do_new("")

    def do_delete(self, _rest: str) -> None:
        """delete this thread"""
        thread = self._thread()
        if self.talk.sure("Delete this thread?"):
            self.talk.switchboard.delete(thread)
            self.do_new("")

    def do_export(self, rest: str) -> None:
        """FILE — write this thread as .md, .json or .html"""
        path = Path(rest).expanduser()
        form = _FORMS.get(path.suffix.lower())
        if form is None:
            raise InvalidInput("Give a file that ends with .md, .json or .html.", what_to_do="")
        content = self.talk.switchboard.export(self._thread(), form)
        try:
            # A mistyped name must not cost anybody a file.
            with open(path, "xb", opener=_private) as file:
                file.write(content)
        except OSError as exc:
            reason = exc.strerror or "it cannot be written"
            raise InvalidInput(f"{path}: {reason}.", what_to_do="Give another file.") from exc
        self._screen.line(f"{path}", "dim")

    # -- answers

    def do_sources(self, _rest: str) -> None:
        """what the last answer cites"""
        sources = self.talk.answer.sources if self.talk.answer else ()
        if not sources:
            self._screen.line("The last answer has no sources.", "dim")
        for source in sources:
            heading = f" › {source.heading}" if source.heading else ""
            self._screen.line(f"[{source.n}] {source.title}{heading}  ({source.document})")

    def do_retry(self, _rest: str) -> None:
        """ask the last question again"""
        if not self.talk.question:
            raise InvalidInput("Nothing was asked yet.", what_to_do="Type a question.")
        self.talk.say(self.talk.question)

    def do_stop(self, _rest: str) -> None:
        """stop what this thread answers, also where it was begun elsewhere"""
        talk, thread = self.talk, self._thread()
        if talk.switchboard.thread(thread)["state"] != "running":
            self._screen.line("Nothing runs in this thread.", "dim")
            return
        last = talk.switchboard.history(thread, limit=1)["messages"][-1]
        talk.follow(str(talk.switchboard.cancel(str(last["run_id"]))["run_id"]))

    # -- who answers

    def do_model(self, rest: str) -> None:
        """[id|auto] — the model of the next answers"""
        if rest:
            known = {str(one["id"]) for one in self.talk.switchboard.models()["models"]}
            self.talk.model = _chosen("model", rest, known, "/models lists them.")
        self._screen.line(f"Model: {self.talk.model or AUTOMATIC}", "dim")

    def do_agent(self, rest: str) -> None:
        """[name|auto] — the agent of the next answers"""
        if rest:
            known = {str(one["name"]) for one in self.talk.switchboard.info()["agents"]}
            self.talk.agent = _chosen("agent", rest, known, f"One of {', '.join(sorted(known))}.")
        self._screen.line(f"Agent: {self.talk.agent or AUTOMATIC}", "dim")

    def do_models(self, _rest: str) -> None:
        """the models there are"""
        for model in self.talk.switchboard.models()["models"]:
            note = "" if model["usable"] else f"  ({model['why_not']})"
            self._screen.line(f"  {model['id']}{note}")

    def do_info(self, _rest: str) -> None:
        """where this is, and who you are"""
        talk, me = self.talk, self.talk.switchboard.me()
        self._screen.line(f"{talk.switchboard.url} as {me['name']} ({me['role']})")
        self._screen.line(f"Thread: {talk.thread_id or 'a new one'}")
        self.do_agent("")
        self.do_model("")

    def _thread(self) -> str:
        if self.talk.thread_id is None:
            raise InvalidInput("This thread is still empty.", what_to_do="Ask something first.")
        return self.talk.thread_id

    def _messages(self, messages: Iterable[Json]) -> None:
        for message in messages:
            text = str(message.get("text") or "")
            if message.get("role") == "user":
                self._screen.line(f"> {text}", "bold")
            else:
                self._screen.line(text)


def _chosen(what: str, name: str, known: Collection[str], what_to_do: str) -> str | None:
    """None: Switchboard chooses. Raises InvalidInput for a name that does not exist."""
    if name == AUTOMATIC:
        return None
    if name not in known:
        raise InvalidInput(f"There is no {what} '{clean(name)}'.", what_to_do=what_to_do)
    return name


def _first(found: Iterable[Json], count: int) -> list[Json]:
    return [thread for thread, _ in zip(found, range(count), strict=False)]


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
