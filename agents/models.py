"""Which models there are, which can be called, and how to get one. The only door to the providers.

Importing this imports no provider, no LangChain and no AWS; a missing key or an unknown id is a
status, never an exception. Model objects are built off the loop, once per id and temperature, and
share connections.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from agents.breaker import Breaker
from agents.model_ids import BEDROCK, LOCAL, OPENAI, ModelId, callable_id, parse, takes_temperature
from core.catalog import Catalog
from core.errors import InvalidInput, ModelFailure, ModelRefused, redact
from core.events import CallPurpose, Event
from core.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from pydantic import SecretStr

    from agents.candidate import Candidate
    from agents.failover import ResilientChat
    from agents.operation import Services
    from agents.providers.clients import ProviderClients
    from agents.providers.embeddings import Embed
    from agents.spending import Allowance

log = logging.getLogger(__name__)
DEFAULT_AWS_REGION = "us-east-1"
"""For the signature of requests to an endpoint of one's own; AWS itself is never guessed at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelStatus:
    """What the Settings page and the pickers show of a model."""

    id: str
    display_name: str
    provider: str
    """OpenTelemetry's name, or the name of a further server."""
    configured: bool
    reason: str
    """What to do when it is not configured, what happened when it is cooling down, else ""."""
    healthy: bool
    last_error: str | None
    cooldown_s: float


class ModelRegistry:
    """One per process. Any thread may ask; models are used on `loop`, which also closes them."""

    def __init__(
        self, settings: Settings, catalog: Catalog, *, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._loop = loop
        self.breaker = Breaker()
        self._models: dict[tuple[str, float], BaseChatModel] = {}
        self._building = threading.RLock()
        self._embed_calls: dict[str, Embed] = {}
        self._clients: ProviderClients | None = None
        self._services: Services | None = None
        self._aws_found: bool | None = None
        """None until somebody looked: then Bedrock counts as configured, and a call will tell."""

    # -- what there is

    def statuses(self) -> list[ModelStatus]:
        """The models of the configured chains, in their order."""
        settings = self._settings
        return [
            self.status(m) for m in self._once([*settings.answer_models, *settings.router_models])
        ]

    def use_catalog(self, catalog: Catalog) -> None:
        """Other prices from the next call on."""
        self._catalog = catalog

    def list_models(self) -> list[ModelStatus]:
        """For pickers: the chains, the models of further servers, the catalogue of every provider
        that is configured, and the embedded answerer."""
        settings = self._settings
        ids = [*settings.answer_models, *settings.router_models]
        for name, server in settings.openai_servers.items():
            ids += [f"{name}:{model}" for model in server.models]
        for model in self._catalog.models:
            elsewhere = model.provider == "openai" and settings.openai_base_url
            if not elsewhere and not self._problem(parse(model.id)):
                ids.append(callable_id(model, settings.aws_region))
        return [self.status(model_id) for model_id in self._once([*ids, LOCAL])]

    def status(self, model_id: str) -> ModelStatus:
        """Of any id, known or not."""
        parsed = self._parse(model_id)
        problem = self._problem(parsed)
        state = self.breaker.state().get(str(parsed))
        unwell = state is not None and state.phase != "closed"
        last_error = state.last_error if state is not None else None
        return ModelStatus(
            id=str(parsed),
            display_name=self._catalog.display_name(str(parsed)),
            provider=parsed.provider,
            configured=not problem,
            reason=problem or (last_error or "" if unwell else ""),
            healthy=not problem and not unwell,
            last_error=last_error,
            cooldown_s=state.cooldown_s if state is not None else 0.0,
        )

    def usable(self, model_ids: Iterable[str]) -> list[str]:
        """Those that are configured, in order, each once. Never blocks."""
        return [m for m in self._once(model_ids) if not self._problem(self._parse(m))]

    def demand(self, model_id: str) -> None:
        """Raises InvalidInput when a model that somebody names cannot be asked. Never blocks."""
        problem = self._problem(self._parse(model_id))
        if problem:
            raise InvalidInput(
                f"The model '{model_id}' cannot be asked: {problem}.",
                what_to_do="Choose a model that /api/models calls usable, or none.",
            )

    def sees(self, model_id: str) -> bool | None:
        """Whether a model takes images; None when nothing is known about it."""
        known = self._catalog.find(str(self._parse(model_id)))
        return None if known is None else "vision" in known.capabilities

    # -- how to get one

    def chat(
        self,
        model_ids: Sequence[str],
        *,
        purpose: CallPurpose,
        agent: str | None = None,
        temperature: float | None = None,
        sink: Callable[[Event], None] | None = None,
        allowance: Allowance | None = None,
        begun: str = "",
        max_tokens: int | None = None,
        stop: tuple[str, ...] = (),
    ) -> ResilientChat:
        """One model made of several; those that are not configured are left out. `sink` gets the
        events that no graph reads: all of them outside of one, and those of a stopped call. `begun`:
        the text of an answer that its answer goes on with. `max_tokens` and `stop` end answers."""
        from agents.failover import ResilientChat

        heat = self._settings.temperature if temperature is None else temperature
        return ResilientChat(
            candidates=tuple(self._candidate(heat, m) for m in self.usable(model_ids)),
            services=self._shared(),
            purpose=purpose,
            agent=agent,
            sink=sink,
            loop=self._loop,
            allowance=allowance,
            stand_in=partial(self._stand_in, heat),
            begun=begun,
            max_tokens=max_tokens,
            stop=stop,
        )

    def embedder(self, model_id: str) -> RegistryEmbedder:
        """An embedding model for the knowledge index, configured or not."""
        return RegistryEmbedder(self, str(self._parse(model_id)))

    async def embed(self, model_id: str, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text. On the run loop; raises ModelFailure."""
        call = self._embed_calls.get(model_id)
        if call is None:
            call = await asyncio.to_thread(self._build_embed, model_id)
        return await call(texts)

    def embed_problem(self, model_id: str) -> str:
        """What keeps a model from being used for vectors; "" for nothing. Never blocks."""
        parsed = self._parse(model_id)
        if str(parsed) == LOCAL:
            return f"{LOCAL} makes no vectors"
        return self._problem(parsed)

    async def warm_up(self) -> None:
        """Looks for AWS credentials and builds what the chains name. Off the loop; never raises."""
        await asyncio.to_thread(self._look_for_aws)
        settings = self._settings
        wanted = [(m, settings.temperature) for m in (*settings.answer_models, LOCAL)]
        wanted += [(m, 0.0) for m in settings.router_models if m != LOCAL]
        for model_id, heat in wanted:
            if self.usable([model_id]):
                await asyncio.to_thread(self._build_or_log, str(self._parse(model_id)), heat)

    async def aclose(self) -> None:
        """Closes connections. On the loop; idempotent."""
        clients, self._clients = self._clients, None
        self._models.clear()
        self._embed_calls.clear()
        if clients is not None:
            await clients.aclose()

    # -- inside

    def _candidate(self, heat: float, model_id: str) -> Candidate:
        """Of an id that `usable` gave."""
        from agents.candidate import Candidate

        key = (model_id, heat)
        return Candidate(
            id=model_id,
            provider=self._parse(model_id).provider,
            build=partial(self._build, *key),
            ready=partial(self._models.get, key),
            region=self._region(model_id),
            continues=model_id != LOCAL,
        )

    def chars_per_token(self, model_id: str) -> float:
        """How long a token of a model is, by what it reported so far; for counts while it writes."""
        return self._shared().ratios.of(model_id)

    def _stand_in(self, heat: float, model_id: str) -> Candidate | None:
        """The model a budget names; None when it is not configured."""
        return next((self._candidate(heat, m) for m in self.usable([model_id])), None)

    def _parse(self, model_id: str) -> ModelId:
        return parse(model_id, self._settings.openai_servers)

    def _once(self, model_ids: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(str(self._parse(model_id)) for model_id in model_ids))

    def _problem(self, model: ModelId) -> str:
        """What keeps a model from being called, as something to do; "" for nothing."""
        settings = self._settings
        if model.problem:
            return model.problem
        if model.scheme == OPENAI and not (settings.openai_api_key or settings.openai_base_url):
            return "set OPENAI_API_KEY"
        if model.scheme == BEDROCK:
            if not (settings.aws_region or settings.bedrock_endpoint_url):
                return "set AWS_REGION"
            if self._aws_found is False:
                return "no AWS credentials were found: set AWS_PROFILE or AWS_ACCESS_KEY_ID"
        return ""

    def _region(self, model_id: str) -> str | None:
        if self._parse(model_id).scheme != BEDROCK:
            return None
        return self._settings.aws_region or DEFAULT_AWS_REGION

    def _look_for_aws(self) -> None:
        settings = self._settings
        if self._aws_found is not None or not (
            settings.aws_region or settings.bedrock_endpoint_url
        ):
            return
        chains = [*settings.answer_models, *settings.router_models, settings.embedding_model or ""]
        if not any(self._parse(m).scheme == BEDROCK for m in chains) and not settings.aws_region:
            return
        from agents.aws_credentials import credentials_found

        self._aws_found = credentials_found(ask_metadata_service=settings.aws_region is not None)

    def _shared(self) -> Services:
        if self._services is None:
            from agents.operation import Services
            from agents.retry import Limits

            self._services = Services(
                limits=Limits.of(self._settings), catalog=self._catalog, breaker=self.breaker
            )
        return self._services

    def _build_or_log(self, model_id: str, heat: float) -> None:
        try:
            self._build(model_id, heat)
        except ModelFailure as exc:
            log.warning("%s cannot be used: %s", model_id, exc)

    def _build(self, model_id: str, heat: float) -> BaseChatModel:
        """Blocking; the first model of a provider takes a second. Raises ModelFailure only."""
        with self._building:
            model = self._models.get((model_id, heat))
            if model is None:
                try:
                    model = self._make(self._parse(model_id), heat)
                except ModelFailure:
                    raise
                except Exception as exc:
                    reason = redact(f"{model_id} could not be set up: {exc}")
                    raise ModelRefused(reason) from exc
                self._models[model_id, heat] = model
            return model

    def _make(self, model: ModelId, heat: float) -> BaseChatModel:
        if str(model) == LOCAL:
            from agents.local.model import LocalExtractive

            return LocalExtractive()
        options: dict[str, Any] = {}
        if takes_temperature(self._catalog, str(model)):
            options["temperature"] = heat
        return (
            self._bedrock(model, options)
            if model.scheme == BEDROCK
            else self._openai(model, options)
        )

    def _openai(self, model: ModelId, options: dict[str, Any]) -> BaseChatModel:
        from agents.providers.openai import openai_chat

        key, url = self._openai_address(model)
        return openai_chat(
            model.name, clients=self._connections(), api_key=key, base_url=url, **options
        )

    def _openai_address(self, model: ModelId) -> tuple[SecretStr, str | None]:
        """Key and base URL. A compatible server that asks for no key gets the word none."""
        from pydantic import SecretStr

        settings = self._settings
        server = settings.openai_servers.get(model.scheme)
        if server is not None:
            return server.api_key, server.base_url
        if settings.openai_api_key is None and settings.openai_base_url is None:
            raise ModelRefused("OPENAI_API_KEY is not set.")
        return settings.openai_api_key or SecretStr("none"), settings.openai_base_url

    def _build_embed(self, model_id: str) -> Embed:
        """Blocking. Raises ModelFailure only."""
        from agents.providers.embeddings import openai_embed, titan_embed

        model = self._parse(model_id)
        if problem := self.embed_problem(model_id):
            raise ModelRefused(f"{model_id} is not used: {problem}.")
        with self._building:
            if model_id not in self._embed_calls:
                clients = self._connections()
                if model.scheme == BEDROCK:
                    self._embed_calls[model_id] = titan_embed(
                        model.name,
                        clients=clients,
                        region=self._settings.aws_region or DEFAULT_AWS_REGION,
                        endpoint_url=self._settings.bedrock_endpoint_url,
                    )
                else:
                    key, url = self._openai_address(model)
                    self._embed_calls[model_id] = openai_embed(
                        model.name, clients=clients, api_key=key, base_url=url
                    )
            return self._embed_calls[model_id]

    def _bedrock(self, model: ModelId, options: dict[str, Any]) -> BaseChatModel:
        from agents.providers.bedrock import bedrock_chat

        known = self._catalog.find(str(model))
        return bedrock_chat(
            model.name,
            clients=self._connections(),
            region=self._settings.aws_region or DEFAULT_AWS_REGION,
            endpoint_url=self._settings.bedrock_endpoint_url,
            cache_points=known is not None and known.prompt_cache == "explicit",
            **options,
        )

    def _connections(self) -> ProviderClients:
        if self._clients is None:
            from agents.providers.clients import ProviderClients

            self._clients = ProviderClients()
        return self._clients


@dataclass(frozen=True, slots=True)
class RegistryEmbedder:
    """One embedding model of the registry, as `agents.embeddings` wants it."""

    registry: ModelRegistry
    model: str

    def problem(self) -> str:
        return self.registry.embed_problem(self.model)

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return await self.registry.embed(self.model, texts)
