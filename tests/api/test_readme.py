"""The examples of the README, run as they stand there against the real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import Server

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```(bash|python)\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
EXAMPLES = [
    (kind, example)
    for kind, block in BLOCKS
    for example in (block.splitlines() if kind == "bash" else [block])
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("readme") / "data")
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize(("kind", "code"), EXAMPLES)
def test_an_example_gives_an_answer_that_cites(server: Server, kind: str, code: str) -> None:
    here = code.replace("http://127.0.0.1:8501", server.url)
    here = here.replace(".venv/bin/python", sys.executable)
    command = [sys.executable, "-c", here]
    if kind == "bash":
        command = ["bash", "-eo", "pipefail", "-c", here]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"SWITCHBOARD_URL": server.url}, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(r"\[[1-9]\]", done.stdout)
    if "curl" in code:
        assert done.stdout.count("event: completed") == 1
        assert "event: error" not in done.stdout


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 4


def test_the_example_set_of_the_readme_passes_without_a_key(tmp_path: Path) -> None:
    """`make eval SET=deploy/example-questions.jsonl`: five of twenty answers had come to miss it."""
    done = subprocess.run(
        [sys.executable, "-m", "api.evaluate", "deploy/example-questions.jsonl"],
        cwd=ROOT, env=os.environ | {"SWITCHBOARD_DATA_DIR": str(tmp_path / "data"),
        "SWITCHBOARD_ANSWER_MODELS": "local:extractive",
        "SWITCHBOARD_ROUTER_MODELS": "local:extractive"}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "20 of 20" in done.stdout
