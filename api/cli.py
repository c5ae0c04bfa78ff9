"""Chats with a running Switchboard from a terminal, or answers one question for a script.

python -m api.cli                                  chat
python -m api.cli "How do I change the port?"      one answer
echo "How do I change the port?" | python -m api.cli
python -m api.cli "And the theme?" --thread ID --json

The exit status is 0 when the question was answered, 1 when not, 2 for a wrong call, 3 when
Switchboard cannot be reached or wants a login, 130 after Ctrl-C. In a pipe stdout has the answer and
nothing else.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from api.client import NotSwitchboard, Switchboard, Unreachable
from api.terminal.screen import Screen
from api.terminal.wording import sentence
from core.errors import ConfigError, InvalidInput, NotLoggedIn, SwitchboardError
from core.settings import ClientSettings, load_client_settings

ANSWERED, FAILED, MISUSED, NO_WAY_IN, STOPPED = 0, 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    given = parser().parse_args(arguments)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        return _talk(given, load_client_settings())
    except (Unreachable, NotSwitchboard, NotLoggedIn) as exc:
        return _say(exc, NO_WAY_IN)
    except (InvalidInput, ConfigError) as exc:
        return _say(exc, MISUSED)
    except SwitchboardError as exc:
        return _say(exc, FAILED)
    except KeyboardInterrupt:
        return STOPPED
    except BrokenPipeError:  # `| head` has what it wants
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ANSWERED


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m api.cli", description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    add = made.add_argument
    add("question", nargs="?", help="one question; without it a chat begins, or stdin is asked")
    add("--thread", metavar="ID", help="go on with this thread")
    add("--agent", help="the agent that answers; default: the supervisor decides")
    add("--model", metavar="ID", help="the model that answers; default: the configured ones")
    add("--url", help="address of Switchboard; default: SWITCHBOARD_URL")
    add("--key-file", type=Path, metavar="FILE",
        help="file with an API key; default: SWITCHBOARD_KEY")  # fmt: skip
    how = made.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="the events of the answer as JSON lines")
    how.add_argument("--no-stream", action="store_true", help="the answer when it is whole")
    return made


def _talk(given: argparse.Namespace, settings: ClientSettings) -> int:
    url, key = given.url or settings.url, _key(given, settings)
    with Switchboard(url, key, retries=0) as first:
        me = first.me()
    with Switchboard(url, key) as switchboard:
        if given.question is None and sys.stdin.isatty() and not given.json:
            return _chat(given, settings, switchboard, str(me.get("name", "")))
        from api.terminal.once import once

        question = sys.stdin.read() if given.question is None else given.question
        return once(
            switchboard,
            _screen(settings),
            question,
            {"thread_id": given.thread, "agent": given.agent, "model": given.model},
            form="json" if given.json else "whole" if given.no_stream else "stream",
        )


def _chat(
    given: argparse.Namespace, settings: ClientSettings, switchboard: Switchboard, name: str
) -> int:
    from api.terminal.talk import Talk

    if not sys.stdout.isatty():
        raise InvalidInput("There is no question.", what_to_do="Give one as an argument.")
    screen = _screen(settings)
    if screen.live:
        import readline  # noqa: F401  line editing and history for input()
    screen.line(f"Switchboard at {switchboard.url}, as {name}. /help lists the commands.", "dim")
    talk = Talk(switchboard=switchboard, screen=screen, agent=given.agent, model=given.model)
    talk.run(opening=given.thread)
    return ANSWERED


def _screen(settings: ClientSettings) -> Screen:
    live = sys.stdout.isatty() and settings.term not in ("", "dumb")
    return Screen(sys.stdout, live=live, colours=not settings.no_color)


def _key(given: argparse.Namespace, settings: ClientSettings) -> str | None:
    """Not an option of its own: everybody on a machine can read the arguments of its programs."""
    if given.key_file is None:
        return settings.key.get_secret_value() if settings.key else None
    try:
        return str(given.key_file.read_text("utf-8")).strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidInput(
            f"{given.key_file} cannot be read.", what_to_do="Give the file with your API key."
        ) from exc


def _say(exc: SwitchboardError, status: int) -> int:
    sys.stderr.write(f"{sentence(exc)}\n")
    return status


if __name__ == "__main__":
    raise SystemExit(main())
