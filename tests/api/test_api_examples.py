"""The examples of docs/technical/api.md, run with curl against the real server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.serving import messages
from tests.browser.conftest import Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]
PAGE = Path(__file__).parents[2] / "docs" / "technical" / "api.md"
EXAMPLES = re.findall(r"^## (.*?)\n.*?```bash\n(.*?)```", PAGE.read_text("utf-8"), re.S | re.M)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("examples") / "data")
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize(("title", "script"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_an_example_works_as_it_is_written(
    server: Server, tmp_path: Path, title: str, script: str
) -> None:
    assert "127.0.0.1:8501" in script
    ours = script.replace("127.0.0.1:8501", f"127.0.0.1:{server.port}")
    ours = ours.replace("curl -s", "curl --fail-with-body -s")
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", ours],
        cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout
    if "curl -sN" in script:
        found = messages(done.stdout)
        assert found[-1]["event"] == "completed"
        assert [int(one["id"]) for one in found] == list(
            range(int(found[0]["id"]), len(found) + int(found[0]["id"]))
        )


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 6
