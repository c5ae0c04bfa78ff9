"""What people read about identity is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from agents.identity.audit import ACTIONS, KEEP_DAYS
from agents.identity.login_limit import OF_ALL, PER_LOGIN
from agents.identity.passwords import LONGEST, SHORTEST
from api.accounts import parser
from core.identity import ROLES, SCOPES

TEXT = (Path(__file__).parents[3] / "docs" / "technical" / "identity.md").read_text("utf-8")


def test_every_action_of_the_audit_log_is_documented_and_no_other() -> None:
    section = TEXT.split("## What does the audit log hold?")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", "\n".join(rows))) == sorted(ACTIONS)


def test_every_command_is_documented() -> None:
    (commands,) = (one for one in parser()._actions if one.dest == "command")
    section = TEXT.split("## How do I manage accounts from the command line?")[1].split("\n## ")[0]
    rows = "\n".join(line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))
    assert commands.choices is not None
    assert sorted(re.findall(r"`(\w+)[ `]", rows)) == sorted(commands.choices)


def test_roles_scopes_and_numbers_are_documented() -> None:
    assert "| Right | " + " | ".join(ROLES) + " |" in TEXT
    for scope in SCOPES:
        assert f"| `{scope}` |" in TEXT
    assert f"{SHORTEST} to {LONGEST:,} characters" in TEXT
    assert (PER_LOGIN, OF_ALL, KEEP_DAYS) == ("8 per 5 minute", "120 per minute", 730)
