"""`python -m api.accounts`: also beside a server, and never with a password in sight."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.identity import Identity
from agents.identity.tables import make
from agents.runtime import Runtime
from api.accounts import main
from core.database import Database
from core.errors import NotLoggedIn
from core.settings import load_settings
from tests.agents.identity.house import fast

PASSWORD = "four words in a row"
SERVER = """
import sys
from agents.runtime import Runtime
from core.errors import NotLoggedIn
from core.settings import load_settings
runtime = Runtime(load_settings(env_file=None, auth="accounts"))
print("ready", flush=True)
for line in sys.stdin:
    try:
        found = runtime.identity.from_bearer(line.rstrip("\\n"))
        print(found.owner, found.role, " ".join(sorted(found.scopes)), flush=True)
    except NotLoggedIn:
        print("nobody", flush=True)
runtime.close()
"""


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command makes its hasher itself; a real one takes a fifth of a second."""
    monkeypatch.setattr("argon2.PasswordHasher", fast)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a pipe gives."""
    pipe = io.StringIO()
    monkeypatch.setattr("sys.stdin", pipe)
    return pipe


def run(typed: io.StringIO, *arguments: str, password: str | None = PASSWORD) -> int:
    typed.seek(0)
    typed.truncate()
    typed.write("" if password is None else f"{password}\n")
    typed.seek(0)
    return main(arguments)


@pytest.fixture
def identity(data_dir: Path) -> Iterator[Identity]:
    database = Database(f"sqlite:///{data_dir}/app.db", prepare=make)
    yield Identity(load_settings(env_file=None, auth="accounts"), database)
    database.close()


def test_an_account_is_made_changed_and_listed(
    identity: Identity, typed: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(typed, "list") == 0
    assert "There is no account yet." in capsys.readouterr().out
    assert run(typed, "add", "Alice", "--role", "admin", "--full-name", "Alice A.") == 0
    out = capsys.readouterr().out
    assert "The account alice (admin) is there." in out
    assert "SWITCHBOARD_AUTH=accounts" in out
    assert identity.accounts.log_in("alice", PASSWORD)
    assert run(typed, "role", "ALICE", "analyst") == 0
    assert run(typed, "rename", "alice", "  Alice\tB. ") == 0
    assert identity.accounts.get("alice").name == "Alice B."
    assert run(typed, "password", "alice", password="five other words in a row") == 0
    token = identity.accounts.log_in("alice", "five other words in a row")
    assert run(typed, "end", "alice") == 0
    assert identity.from_session(token) is None
    assert run(typed, "disable", "alice") == 0
    with pytest.raises(NotLoggedIn):
        identity.accounts.log_in("alice", "five other words in a row")
    capsys.readouterr()
    assert run(typed, "list") == 0
    assert capsys.readouterr().out.startswith("alice\tanalyst\tdisabled\t")
    assert run(typed, "enable", "alice") == 0
    assert identity.accounts.log_in("alice", "five other words in a row")


def test_a_key_is_printed_once_and_alone(
    identity: Identity, typed: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    run(typed, "add", "alice")
    capsys.readouterr()
    assert (
        run(typed, "key", "alice", "--name", "ci", "--scopes", "chat,analytics", "--days", "3") == 0
    )
    shown = capsys.readouterr()
    secret = shown.out.strip()
    found = identity.from_bearer(f"Bearer {secret}")
    assert (found.owner, found.scopes) == ("alice", {"chat", "analytics"})
    assert secret not in shown.err
    assert run(typed, "keys", "alice") == 0
    listed = capsys.readouterr().out
    assert secret not in listed
    assert found.credential_id is not None
    assert run(typed, "revoke", found.credential_id) == 0
    with pytest.raises(NotLoggedIn):
        identity.from_bearer(f"Bearer {secret}")
    assert [one.who for one in identity.audit.page().deeds] == [None] * 3


@pytest.mark.parametrize(
    ("arguments", "password", "said"),
    [
        (("add", "alice"), PASSWORD, "There is an account 'alice' already."),
        (("add", "bob"), "short", "A password has 12 to 1,000 characters."),
        (("add", "bob"), None, "A password has 12 to 1,000 characters."),
        (("add", "a:b"), PASSWORD, "A login name has 2 to 64"),
        (("add", "local"), PASSWORD, "means something else here"),
        (("password", "bob"), PASSWORD, "There is no such account."),
        (("role", "bob", "admin"), PASSWORD, "There is no such account."),
        (("disable", "ext:0123456789abcdef:bob"), PASSWORD, "There is no such account."),
        (("revoke", "0" * 32), PASSWORD, "There is no such key."),
        (("key", "alice", "--scopes", "root"), PASSWORD, "A key has at least one of the scopes"),
        (("key", "alice", "--days", "0"), PASSWORD, "A key holds for 1 to 3,650 days."),
        (("adopt", "bob"), PASSWORD, "There is no such account."),
    ],
)
def test_what_cannot_be_is_one_sentence(
    identity: Identity,
    typed: io.StringIO,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    password: str | None,
    said: str,
) -> None:
    run(typed, "add", "alice")
    capsys.readouterr()
    assert run(typed, *arguments, password=password) == 1
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""
    assert [one.owner for one in identity.accounts.all()] == ["alice"]


def test_a_folder_that_was_begun_by_the_command_works_with_everything_else(
    identity: Identity, typed: io.StringIO, data_dir: Path
) -> None:
    run(typed, "add", "alice")
    runtime = Runtime(load_settings(env_file=None, auth="accounts"))
    try:
        assert [one.owner for one in runtime.identity.accounts.all()] == ["alice"]
        assert runtime.threads.recent("alice") == []
        with runtime.database.read() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM message_search")
    finally:
        runtime.close(2.0)


def test_no_argument_takes_a_password(data_dir: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["add", "alice", "--password", PASSWORD])
    assert caught.value.code == 2


def test_a_password_typed_twice_has_to_be_the_same(
    identity: Identity, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    answers = iter([PASSWORD, "another one of words", PASSWORD, PASSWORD])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(answers))
    assert main(["add", "alice"]) == 1
    assert "The two are not the same." in capsys.readouterr().err
    assert identity.accounts.all() == []
    assert main(["add", "alice"]) == 0


def test_a_name_that_is_taken_is_refused_before_a_password_is_asked_for(
    identity: Identity,
    typed: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(typed, "add", "alice")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: pytest.fail("asked for a password"))
    assert main(["add", "Alice"]) == 1
    assert "There is an account 'alice' already." in capsys.readouterr().err


@pytest.mark.slow
def test_beside_a_running_server_accounts_change_and_adopting_waits(
    data_dir: Path, typed: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"

        def ask(header: str) -> str:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(f"{header}\n")
            server.stdin.flush()
            return server.stdout.readline().strip()

        assert run(typed, "add", "alice", "--role", "admin") == 0
        capsys.readouterr()
        assert run(typed, "key", "alice", "--scopes", "chat,admin") == 0
        secret = capsys.readouterr().out.strip()
        assert ask(f"Bearer {secret}") == "alice admin admin chat"
        assert run(typed, "adopt", "alice") == 1
        assert "Another Switchboard is using the data folder" in capsys.readouterr().err
        assert run(typed, "disable", "alice") == 0
        assert ask(f"Bearer {secret}") == "nobody"
    finally:
        server.communicate(timeout=30)
    assert run(typed, "adopt", "alice") == 0
    assert "There was nothing to give." in capsys.readouterr().out
