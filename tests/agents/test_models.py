"""The registry: what is configured, what it is called, and how a model is got."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from pydantic import SecretStr

from agents import aws_credentials, models
from agents.model_ids import callable_id, parse, takes_temperature
from agents.models import ModelRegistry, ModelStatus
from core.catalog import load_catalog
from core.errors import ModelAuthFailed, ModelUnavailable
from core.settings import OpenAIServer, Settings
from tests.agents.resilient import Seen, listen
from tests.provider import ProviderServer, Reply
from tests.provider.langchain import OPENAI_KEY, tls

CATALOG = load_catalog()
GPT, NOVA, LOCAL = (
    "openai:gpt-4o-mini",
    "bedrock_converse:us.amazon.nova-lite-v1:0",
    "local:extractive",
)
KEY = SecretStr(OPENAI_KEY)


def registry(loop: Any = None, **settings: Any) -> ModelRegistry:
    if loop is None:  # nothing is called on it
        loop = asyncio.new_event_loop()
        loop.close()
    return ModelRegistry(Settings(**settings), CATALOG, loop=loop)


def use(work: Any, **settings: Any) -> Any:
    """Runs `work(registry)` on a loop and closes the registry."""

    async def main() -> Any:
        made = registry(asyncio.get_running_loop(), **settings)
        # Reading the certificates takes longer than most tests.
        from agents.providers.clients import ProviderClients

        made._clients = ProviderClients(verify=tls())
        try:
            return await work(made)
        finally:
            await made.aclose()

    return asyncio.run(main())


# -- ids


@pytest.mark.parametrize(
    ("text", "canonical", "provider"),
    [
        (GPT, GPT, "openai"),
        ("bedrock:us.amazon.nova-lite-v1:0", NOVA, "aws.bedrock"),
        (NOVA, NOVA, "aws.bedrock"),
        ("ollama:llama3.1:8b", "ollama:llama3.1:8b", "ollama"),
        (LOCAL, LOCAL, "local"),
    ],
)
def test_id_is_read(text: str, canonical: str, provider: str) -> None:
    model = parse(text, {"ollama"})
    assert (str(model), model.provider, model.problem) == (canonical, provider, "")


@pytest.mark.parametrize("text", ["gpt-4o", "groq:llama", "local:other", "openai:", "", ":"])
def test_id_that_means_nothing_has_a_problem_and_no_exception(text: str) -> None:
    assert parse(text).problem
    status = registry(openai_api_key=KEY).status(text)
    assert (status.configured, status.healthy) == (False, False)
    assert status.reason


@pytest.mark.parametrize(
    ("region", "found"),
    [
        ("us-east-1", "bedrock_converse:us.amazon.nova-lite-v1:0"),
        ("eu-central-1", "bedrock_converse:eu.amazon.nova-lite-v1:0"),
        ("ap-southeast-2", "bedrock_converse:apac.amazon.nova-lite-v1:0"),
        (None, "bedrock_converse:amazon.nova-lite-v1:0"),
    ],
)
def test_bedrock_models_are_offered_under_the_profile_of_the_region(
    region: str | None, found: str
) -> None:
    model = CATALOG.find(NOVA)
    assert model is not None
    assert callable_id(model, region) == found


def test_reasoning_models_of_openai_get_no_temperature() -> None:
    assert not takes_temperature(CATALOG, "openai:gpt-5-mini")
    assert takes_temperature(CATALOG, GPT)
    assert takes_temperature(CATALOG, "ollama:llama3.2")


# -- what is configured


def test_without_any_key_only_the_embedded_answerer_is_configured() -> None:
    found = {status.id: (status.configured, status.reason) for status in registry().list_models()}
    assert found == {
        GPT: (False, "set OPENAI_API_KEY"),
        NOVA: (False, "set AWS_REGION"),
        LOCAL: (True, ""),
    }


def test_chains_are_stated_in_their_order_and_once() -> None:
    assert [status.id for status in registry().statuses()] == [GPT, LOCAL, NOVA]


def test_key_offers_the_catalogue_of_its_provider() -> None:
    ids = [status.id for status in registry(openai_api_key=KEY).list_models()]
    assert "openai:gpt-4.1" in ids
    assert not any(i.startswith("bedrock") for i in ids if i != NOVA)
    assert len(ids) == len(set(ids))


def test_other_server_under_the_openai_url_offers_only_what_is_named() -> None:
    made = registry(openai_api_key=KEY, openai_base_url="http://127.0.0.1:1/v1")
    assert [s.id for s in made.list_models()] == [GPT, LOCAL, NOVA]


def test_compatible_server_in_the_openai_url_needs_no_key(provider: ProviderServer) -> None:
    assert registry(openai_base_url=provider.openai_url).usable([GPT]) == [GPT]

    async def once(made: ModelRegistry) -> Seen:
        return await listen(made.chat((GPT,), purpose="answer"))

    assert use(once, openai_base_url=provider.openai_url).shown == Reply.text
    assert provider.requests[0].key == "none"


def test_models_of_further_servers_are_listed_with_the_server_as_provider() -> None:
    server = OpenAIServer(base_url="http://127.0.0.1:1/v1", models=("llama3.2",))
    made = registry(openai_servers={"ollama": server})
    assert made.status("ollama:llama3.2") in made.list_models()
    assert made.status("ollama:anything").provider == "ollama"
    assert made.usable(["ollama:llama3.2", GPT, LOCAL]) == ["ollama:llama3.2", LOCAL]


def test_bedrock_counts_as_configured_until_somebody_looked(monkeypatch: Any) -> None:
    asked: list[bool] = []

    def no(*, ask_metadata_service: bool) -> bool:
        asked.append(ask_metadata_service)
        return False

    monkeypatch.setattr(aws_credentials, "credentials_found", no)
    made = registry(aws_region="us-east-1", answer_models=(LOCAL,))
    assert made.status(NOVA).configured
    asyncio.run(made.warm_up())
    assert "no AWS credentials" in made.status(NOVA).reason
    assert asked == [True]


def test_metadata_service_is_not_asked_without_a_region(monkeypatch: Any) -> None:
    asked: list[bool] = []

    def no(*, ask_metadata_service: bool) -> bool:
        asked.append(ask_metadata_service)
        return False

    monkeypatch.setattr(aws_credentials, "credentials_found", no)
    asyncio.run(registry(answer_models=(LOCAL,)).warm_up())
    assert asked == []
    made = registry(bedrock_endpoint_url="http://127.0.0.1:1", answer_models=(LOCAL,))
    asyncio.run(made.warm_up())
    assert asked == [False]


@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"},
        {"AWS_BEARER_TOKEN_BEDROCK": "token"},
    ],
)
def test_aws_credentials_are_found_in_the_environment(
    variables: dict[str, str], monkeypatch: Any
) -> None:
    assert not aws_credentials.credentials_found(ask_metadata_service=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert aws_credentials.credentials_found(ask_metadata_service=False)


def test_profile_that_does_not_exist_is_no_credentials(monkeypatch: Any) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert not aws_credentials.credentials_found(ask_metadata_service=False)


# -- health


def test_cooldown_shows_its_reason() -> None:
    made = registry(openai_api_key=KEY)
    made.breaker.failed(GPT, ModelUnavailable("down"), silent=True)
    status = made.status(GPT)
    assert (status.configured, status.healthy, status.reason) == (True, False, "down")
    assert (status.last_error, status.cooldown_s > 0) == ("down", True)


def test_refused_key_is_unhealthy_without_a_cooldown() -> None:
    made = registry(openai_api_key=KEY)
    made.breaker.failed(GPT, ModelAuthFailed("key refused"))
    assert made.status(GPT) == ModelStatus(
        id=GPT,
        display_name="GPT-4o mini",
        provider="openai",
        configured=True,
        reason="key refused",
        healthy=False,
        last_error="key refused",
        cooldown_s=0.0,
    )


# -- how to get one


def test_chat_leaves_out_what_is_not_configured() -> None:
    made = registry()
    found = made.chat((NOVA, GPT, LOCAL, "nonsense"), purpose="route", agent="supervisor")
    assert [(c.id, c.provider, c.continues) for c in found.candidates] == [(LOCAL, "local", False)]
    assert (found.purpose, found.agent) == ("route", "supervisor")


def test_models_are_built_once_per_temperature_and_share_connections(
    provider: ProviderServer,
) -> None:
    async def thrice(made: ModelRegistry) -> int:
        for temperature in (None, None, 0.7):
            seen = await listen(made.chat((GPT,), purpose="answer", temperature=temperature))
            assert seen.shown == Reply.text
        return len(made._models)

    built = use(thrice, openai_api_key=KEY, openai_base_url=provider.openai_url)
    assert (built, provider.connections) == (2, 1)
    assert [request.body["temperature"] for request in provider.requests] == [0.2, 0.2, 0.7]
    assert provider.requests[0].key == OPENAI_KEY


def test_server_of_one_s_own_is_called_with_its_own_key(provider: ProviderServer) -> None:
    server = OpenAIServer(base_url=provider.openai_url, api_key=SecretStr("sk-ollama-123456"))

    async def once(made: ModelRegistry) -> Seen:
        return await listen(made.chat(("ollama:llama3.1:8b",), purpose="answer"))

    seen = use(once, openai_servers={"ollama": server}, openai_api_key=KEY)
    assert seen.shown == Reply.text
    assert (provider.requests[0].model, provider.requests[0].key) == (
        "llama3.1:8b",
        "sk-ollama-123456",
    )
    assert (seen.ends[0].provider, seen.usages[0].cost_pusd) == ("ollama", None)


def test_local_answerer_answers_without_any_key() -> None:
    async def once(made: ModelRegistry) -> Seen:
        return await listen(made.chat((GPT, LOCAL), purpose="answer"))

    seen = use(once)
    assert seen.shown
    assert (seen.ends[0].provider, seen.usages[0].cost_pusd) == ("local", 0)


def test_model_that_cannot_be_built_is_a_failure_and_not_an_exception(monkeypatch: Any) -> None:
    def broken(self: Any, model: Any, options: Any) -> Any:
        raise ImportError(f"no module; the key was {OPENAI_KEY}")

    monkeypatch.setattr(models.ModelRegistry, "_openai", broken)

    async def once(made: ModelRegistry) -> Seen:
        await made.warm_up()
        return await listen(made.chat((GPT,), purpose="answer"))

    seen = use(once, openai_api_key=KEY)
    assert seen.failure is not None
    assert "could not be set up" in seen.failure.message
    assert OPENAI_KEY not in seen.failure.message


def test_warm_up_builds_what_the_chains_name() -> None:
    async def warm(made: ModelRegistry) -> set[tuple[str, float]]:
        await made.warm_up()
        return set(made._models)

    assert use(warm, openai_api_key=KEY) == {(GPT, 0.2), (GPT, 0.0), (LOCAL, 0.2)}


def test_closing_twice_is_harmless() -> None:
    async def close(made: ModelRegistry) -> None:
        await made.aclose()

    use(close)


def test_importing_the_registry_imports_no_provider_and_no_langchain() -> None:
    code = (
        "import sys, asyncio; from agents.models import ModelRegistry;"
        "from core.settings import Settings; from core.catalog import load_catalog;"
        "r = ModelRegistry(Settings(), load_catalog(), loop=asyncio.new_event_loop());"
        "r.list_models(); r.statuses();"
        "print([m for m in ('langchain_core', 'langchain_openai', 'langchain_aws', 'botocore',"
        " 'openai', 'httpx2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
