"""Every curl and Python example of the documents about these routes, run as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.door import Door

DOCS = Path(__file__).parents[2] / "docs"
FILES = ("technical/openai-compatible.md", "technical/metrics.md", "general/compare.md")
_BLOCK = re.compile(r"```(bash|python)\n(.*?)```", re.DOTALL)


def examples() -> list[tuple[str, str]]:
    found = []
    for name in FILES:
        for kind, block in _BLOCK.findall((DOCS / name).read_text("utf-8")):
            if kind == "python":
                found.append((kind, block))
            elif block.startswith("curl"):
                found += [
                    ("bash", f"curl{one}") for one in re.split(r"^curl", block, flags=re.M)[1:]
                ]
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "code"), examples())
def test_an_example_of_the_documents_works(door: Door, kind: str, code: str) -> None:
    here = code.replace("http://localhost:8501/api", door.url)
    assert here != code
    command = ["bash", "-c", here.replace("curl -s", "curl --fail -s")]
    if kind == "python":
        command = [sys.executable, "-c", here]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip()
    if "stream" in code and kind == "bash" and "[DONE]" in ran.stdout:
        assert ran.stdout.strip().endswith("data: [DONE]")
    elif kind == "bash" and "/metrics" not in code:
        json.loads(ran.stdout)


def test_there_are_examples() -> None:
    assert len(examples()) >= 8
