"""The interactive chat: a question, its answer, and commands that begin with a slash."""

from __future__ import annotations

from dataclasses import dataclass, field

from api.client import Answer, NotSwitchboard, Switchboard, Unreachable
from api.client.values import Json
from api.terminal.answering import show
from api.terminal.commands import Commands
from api.terminal.forms import Asker
from api.terminal.screen import Screen
from api.terminal.wording import sentence
from core.errors import SwitchboardError
from core.text import clean


@dataclass(kw_only=True)
class Talk:
    """What a person has before them. Ends with EOFError (Ctrl-D) or a second Ctrl-C."""

    switchboard: Switchboard
    screen: Screen
    thread_id: str | None = None
    agent: str | None = None
    model: str | None = None
    question: str = ""
    """The last one, for /retry."""
    answer: Answer | None = None
    """The last one, for /sources."""
    listed: list[Json] = field(default_factory=list)
    """Threads as /threads numbered them, for /open."""

    def run(self, opening: str | None = None) -> None:
        """Until the person leaves. `opening`: the thread to begin with."""
        commands = Commands(self)
        text: str | None = f"/open {opening}" if opening else ""
        while text is not None:
            if text.strip() and not self._done(commands, text):
                return
            text = self._typed()

    def _done(self, commands: Commands, text: str) -> bool:
        """Does what was typed. False: the person wants to leave."""
        try:
            if text.startswith("/"):
                return commands.do(text)
            self.say(text)
        except EOFError:
            self.screen.line("\nLeft for later. /open shows the question again.", "dim")
        except SwitchboardError as exc:
            self.problem(exc)
        return True

    def _typed(self) -> str | None:
        """None: the person wants to leave."""
        try:
            return self._read()
        except EOFError:
            self.screen.line()
            return None
        except KeyboardInterrupt:
            self.screen.line()
            self.screen.line("(Ctrl-D or /quit leaves.)", "dim")
            return ""

    def say(self, text: str) -> None:
        """Asks, shows the answer, and what the agent asks in return."""
        self.question = text
        stream = self.switchboard.stream(
            text, thread_id=self.thread_id, agent=self.agent, model=self.model
        )
        with stream:
            answer = show(stream, self.switchboard, self.screen)
        self._keep(answer)

    def follow(self, run_id: str) -> None:
        """Shows a run that goes on, or waits, from its beginning."""
        with self.switchboard.events(run_id) as stream:
            answer = show(stream, self.switchboard, self.screen)
        self._keep(answer)

    def ask(self, prompt: str) -> str:
        """One line from the person. EOFError on Ctrl-D."""
        return input(self.screen.prompt(clean(prompt)))

    def sure(self, question: str) -> bool:
        return self.ask(f"{question} (y/n): ").strip().lower() in ("y", "yes")

    def problem(self, exc: SwitchboardError) -> None:
        self.screen.line(sentence(exc), "red")
        if isinstance(exc, Unreachable | NotSwitchboard) and self.thread_id:
            self.screen.line(f"The chat is thread {self.thread_id}.", "dim")

    def _keep(self, answer: Answer) -> None:
        self.answer = answer
        self.thread_id = answer.thread_id or self.thread_id
        if answer.interrupts:
            asker = Asker(ask=self.ask, screen=self.screen)
            # Perhaps somebody answered on the page meanwhile.
            waiting = self.switchboard.run(answer.run_id).interrupts
            if not waiting:
                self.screen.line("That was answered already.", "dim")
                return
            decided = asker.decisions(waiting)
            went_on = self.switchboard.resume(answer.run_id, decided)
            self.follow(str(went_on["run_id"]))

    def _read(self) -> str:
        """What a person typed; a line that ends with a backslash goes on in the next."""
        lines = [self.ask("> ")]
        while lines[-1].endswith("\\"):
            lines[-1] = lines[-1][:-1]
            lines.append(self.ask(". "))
        return clean("\n".join(lines))
