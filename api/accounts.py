"""Accounts and API keys from the command line, also while Switchboard runs (except adopt).

python -m api.accounts add alice --role admin
python -m api.accounts key alice --name ci --scopes chat,analytics --days 90
python -m api.accounts adopt alice

Passwords are asked for twice, or read from the first line of the input when it is not a terminal:
never from an argument, which every user of the machine can read.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from agents.identity import Identity
from agents.identity.owners import login_name
from agents.identity.tables import make
from agents.identity.values import Account, ApiKey
from analytics.export_command import add_data_dir, run_command, say, settings_of
from core.database import Database
from core.errors import InvalidInput
from core.identity import ROLES, SCOPES
from core.settings import Settings
from core.text import clean


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0, 1 for a sentence on stderr, 2 for wrong arguments."""
    return run_command(parser(), _work, arguments)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m api.accounts", description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    add_data_dir(made)
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str, *, of: str | None = "NAME") -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        if of is not None:
            one.add_argument("name", metavar=of)
        return one

    add = command("add", "make an account; asks for its password")
    add.add_argument("--role", choices=ROLES, default="user", help="default: user")
    add.add_argument("--full-name", default="", help="what pages call the person")
    command("password", "set a new password; ends every session and key of the account")
    command("role", "change the role").add_argument("role", choices=ROLES)
    command("rename", "change what pages call the person").add_argument("full_name")
    command("disable", "let nobody log in as this account any more")
    command("enable", "let the account log in again")
    command("end", "end every session, key and token of the account")
    command("list", "show all accounts", of=None)
    key = command("key", "make an API key and show it, this once")
    key.add_argument("--name", dest="label", default="command line", help="what will use it")
    key.add_argument("--scopes", default="chat", metavar="A,B", help=f"of {', '.join(SCOPES)}")
    key.add_argument("--days", type=int, help="how long it holds; default: until it is revoked")
    command("keys", "show the API keys of an account")
    command("revoke", "end an API key", of="KEY_ID")
    command("adopt", "give the account everything of the time when nobody logged in; "
            "Switchboard must not be running")  # fmt: skip
    return made


def _work(given: argparse.Namespace) -> None:
    settings = settings_of(given)
    if given.command == "adopt":
        _adopt(settings, _owner(given.name))
        return
    with _identity(settings) as identity:
        _with(identity, given)


@contextlib.contextmanager
def _identity(settings: Settings) -> Iterator[Identity]:
    """Opens only the tables of accounts, so that a server that runs is not in the way."""
    url = settings.database_url or f"sqlite:///{settings.path('app.db')}"
    database = Database(url, prepare=_prepare)
    try:
        yield Identity(settings, database)
    finally:
        database.close()


def _prepare(connection: Connection) -> None:
    make(connection)
    if connection.dialect.name == "sqlite":
        # Moving the log into the file is left to the server: two at once can break a file with
        # SQLite before 3.51.3.
        connection.exec_driver_sql("PRAGMA wal_autocheckpoint=0")


def _with(identity: Identity, given: argparse.Namespace) -> None:
    accounts = identity.accounts
    match given.command:
        case "list":
            _print_accounts(accounts.all())
        case "revoke":
            identity.keys.revoke(given.name)
            say(f"The key {given.name} is revoked.")
        case "add":
            login = accounts.free_login(given.name)  # before a password is asked for
            made = accounts.add(
                login, name=given.full_name, role=given.role, password=_password(login)
            )
            say(f"The account {made.owner} ({made.role}) is there.")
            if not identity.required:
                say("Nobody has to log in yet: set SWITCHBOARD_AUTH=accounts and start again.")
        case _:
            _change(identity, _owner(given.name), given)


def _change(identity: Identity, owner: str, given: argparse.Namespace) -> None:
    accounts = identity.accounts
    accounts.get(owner)  # before a password is asked for
    match given.command:
        case "password":
            accounts.set_password(owner, _password(owner))
            say(f"{owner} has a new password. Sessions and keys from before have ended.")
        case "role":
            accounts.set_role(owner, given.role)
            say(f"{owner} has the role {accounts.get(owner).role}.")
        case "rename":
            accounts.rename(owner, given.full_name)
            say(f"{owner} is called {accounts.get(owner).name}.")
        case "disable":
            accounts.disable(owner)
            say(f"{owner} cannot log in any more.")
        case "enable":
            accounts.enable(owner)
            say(f"{owner} can log in again. Keys from before stay revoked.")
        case "end":
            identity.sessions.end_all(owner)
            say(f"Every session, key and token of {owner} has ended.")
        case "keys":
            _print_keys(identity.keys.of(owner))
        case "key":
            scopes = [one.strip() for one in given.scopes.split(",") if one.strip()]
            made, secret = identity.keys.create_by_command(owner, given.label, scopes, given.days)
            sys.stderr.write(f"Key {made.id} of {owner}. It is shown this once:\n")
            say(secret)


def _adopt(settings: Settings, owner: str) -> None:
    from agents.runtime import Runtime
    from agents.runtime.adopting import adopt

    runtime = Runtime(settings)  # refuses while a server has the folder
    try:
        adopted = adopt(runtime, owner)
    finally:
        runtime.close()
    lines = [f"{count:>8,} {name}" for name, count in adopted.rows.items()]
    if adopted.runs:
        lines.append(f"{adopted.runs:>8,} recorded runs")
    if adopted.notes:
        lines.append(f"{adopted.notes:>8,} notes")
    say(f"{owner} has now:" if lines else "There was nothing to give.")
    for line in lines:
        say(line)


def _owner(name: str) -> str:
    """As typed for people of an identity provider, lower case for logins."""
    return name if name.startswith(("ext:", "extsha:")) else login_name(name)


def _password(name: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass(f"Password of {name}: ")
    if first != getpass.getpass("Once more: "):
        raise InvalidInput("The two are not the same.", what_to_do="Try again.")
    return first


def _print_accounts(found: Sequence[Account]) -> None:
    if not found:
        say("There is no account yet. Make one: python -m api.accounts add NAME --role admin")
    for one in found:
        state = "disabled" if one.disabled else "active"
        say(f"{one.owner}\t{one.role}\t{state}\t{_day(one.seen_at_us)}\t{clean(one.name)}")


def _print_keys(found: Sequence[ApiKey]) -> None:
    now = time.time_ns() // 1000
    for one in found:
        scopes = ",".join(sorted(one.scopes))
        used = _day(one.used_at_us)
        say(f"{one.id}\t{one.hint}\t{one.state(now)}\t{scopes}\t{used}\t{clean(one.name)}")


def _day(at_us: int | None) -> str:
    return "never" if at_us is None else f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%d}"


if __name__ == "__main__":
    raise SystemExit(main())
