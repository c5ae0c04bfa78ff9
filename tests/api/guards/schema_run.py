"""Schemathesis against a real server: requests made from the OpenAPI document, right and wrong ones.

`python -m tests.api.guards.schema_run 10000` sends about so many, with and without a login.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from agents.runtime import Runtime
from core.identity import SCOPES, Principal
from tests.agents.answering_house import answering
from tests.api.serving import listening
from tests.provider import ProviderServer, Reply

CONFIG = Path(__file__).parent / "schemathesis.toml"
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance", "negative_data_rejection",
    "missing_required_header", "unsupported_method", "allow_header_conformance", "use_after_free",
    "ensure_resource_availability", "ignored_auth",
)  # fmt: skip
"""All but positive_data_acceptance: no schema says that a message of control characters is empty."""


def run(
    folder: Path, provider: ProviderServer, *, login: bool, examples: int, seed: int
) -> tuple[int, str]:
    """(exit status, what it printed). `examples`: of each operation and kind."""
    provider.default = Reply(text="Set the port in the settings. [1]")
    settings = {"auth": ("accounts",)} if login else {}
    with answering(folder, provider, **settings) as runtime, listening(runtime) as url:
        headers = ["-H", f"Authorization: Bearer {_key(runtime)}"] if login else []
        done = subprocess.run(
            [
                str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(CONFIG),
                "run", f"{url}/openapi.json",
                "--url", url, "--phases", "coverage,fuzzing,stateful", "--checks", ",".join(CHECKS),
                "--max-examples", str(examples), "--seed", str(seed), "--no-color",
                "--continue-on-failure", *headers,
            ],
            cwd=folder, capture_output=True, text=True, timeout=3_000, check=False,
        )  # fmt: skip
    printed = done.stdout + done.stderr
    return done.returncode, "\n".join(line[:400] for line in printed.splitlines())


def generated(printed: str) -> int:
    """How many requests it says it made."""
    found = re.search(r"([\d,]+) generated", printed)
    return int(found[1].replace(",", "")) if found else 0


def _key(runtime: Runtime) -> str:
    """Of somebody who may do everything: every route is reached."""
    account = runtime.identity.accounts.add(
        "ann", name="Ann", role="admin", password="a long password of ann"
    )
    who = Principal(owner=account.owner, name="Ann", role="admin", via="password")
    _, secret = runtime.identity.keys.create(who, "schemathesis", SCOPES, 1)
    return secret


def main(requests: int) -> int:
    worst = 0
    for login in (False, True):
        total, seed = 0, 1
        while total < requests // 2:
            with tempfile.TemporaryDirectory() as folder, ProviderServer() as provider:
                status, printed = run(Path(folder), provider, login=login, examples=100, seed=seed)
            total, seed, worst = total + generated(printed), seed + 1, max(worst, status)
            print(printed if status else f"seed {seed - 1}: {generated(printed)} requests")
    return worst


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
