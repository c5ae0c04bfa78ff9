"""Shared fixtures. No keys and no network: every test starts from an environment without providers."""

from __future__ import annotations

import os
import signal
import sys
from collections import defaultdict
from pathlib import Path

import hypothesis
import pytest

from agents.local.model import LocalExtractive
from core.settings import PROCESS_DEFAULTS
from tests.provider.fixtures import provider as provider

for _name, _value in PROCESS_DEFAULTS.items():  # before anything imports LangGraph
    os.environ.setdefault(_name, _value)

# A shell ignores Ctrl-C for what it runs in the background, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no fault of an example.
hypothesis.settings.register_profile("any-machine", deadline=None)
hypothesis.settings.load_profile("any-machine")

# Nobody reads along: half a second for each answer of the embedded answerer.
LocalExtractive.model_fields["words_per_s"].default = 0.0
LocalExtractive.model_rebuild(force=True)

PROVIDER_VARIABLES = (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_API_BASE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    "AWS_BEARER_TOKEN_BEDROCK",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first, so that at the end no worker is alone with one."""
    taken: dict[Path, float] = defaultdict(float)
    for item in items:
        taken[item.path] += _seconds(item)
    items.sort(key=lambda item: -taken[item.path])  # stable: within a file nothing changes


def _seconds(item: pytest.Item) -> float:
    """About; of a test that takes much longer than others of its kind its mark says it."""
    slow = item.get_closest_marker("slow")
    if slow is not None and "seconds" in slow.kwargs:
        return float(slow.kwargs["seconds"])
    return 8.0 if item.get_closest_marker("browser") else 0.5 if slow else 0.02


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No provider is configured unless a test does it."""
    for name in [*PROVIDER_VARIABLES, *(n for n in os.environ if n.startswith("SWITCHBOARD_"))]:
        if name != "SWITCHBOARD_TEST_DATA":
            monkeypatch.delenv(name, raising=False)
    if "boto3" in sys.modules:  # it remembers the keys that its first client found
        monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh data folder that settings point at."""
    folder = tmp_path / "data"
    monkeypatch.setenv("SWITCHBOARD_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def test_data() -> Path:
    """The folder of real documents and traces; skips where it is not there."""
    folder = os.environ.get("SWITCHBOARD_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SWITCHBOARD_TEST_DATA does not name a folder")
    return Path(folder)
