"""What the id of a model says: `<provider>:<name>`, in one spelling.

`openai:<model>`, `bedrock_converse:<model>` (also `bedrock:`), `local:extractive`, and
`<server>:<model>` for the servers of SWITCHBOARD_OPENAI_SERVERS. Names may contain colons.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from core.catalog import Catalog, Model

LOCAL = "local:extractive"
OPENAI, BEDROCK = "openai", "bedrock_converse"
ALIASES = {"bedrock": BEDROCK}
# LangChain's and OpenTelemetry's words for the same providers.
OTEL_PROVIDERS = {OPENAI: "openai", BEDROCK: "aws.bedrock", "local": "local"}


@dataclass(frozen=True, slots=True)
class ModelId:
    scheme: str
    name: str
    problem: str = ""
    """Why nothing can be reached under this id; "" when something may."""

    def __str__(self) -> str:
        return f"{self.scheme}:{self.name}" if self.scheme else self.name

    @property
    def provider(self) -> str:
        """OpenTelemetry's name of the provider; a further server is its own."""
        return OTEL_PROVIDERS.get(self.scheme, self.scheme or "unknown")


def parse(text: str, servers: Collection[str] = ()) -> ModelId:
    """Never fails: what cannot be used says so in `problem`."""
    scheme, colon, name = text.strip().partition(":")
    scheme = ALIASES.get(scheme, scheme)
    if not colon or not name:
        return ModelId("", text.strip(), f"write the id as provider:model, such as openai:{scheme}")
    if scheme == "local" and f"{scheme}:{name}" != LOCAL:
        return ModelId(scheme, name, f"the only embedded model is {LOCAL}")
    if scheme in OTEL_PROVIDERS or scheme in servers:
        return ModelId(scheme, name)
    known = ", ".join([*OTEL_PROVIDERS, *sorted(servers)])
    return ModelId(scheme, name, f"there is no provider '{scheme}' (known: {known})")


def callable_id(model: Model, region: str | None) -> str:
    """The id under which a catalogue model is called from a region: Bedrock wants the inference
    profile of that part of the world where there is one."""
    if model.provider != "aws.bedrock" or region is None:
        return model.id
    area = region.rpartition("-")[0].rpartition("-")[0]  # us-gov-west-1 -> us-gov
    home = {"ap": "apac"}.get(area, area)
    sold = {name.partition("/")[0] for price in model.prices for name in price.regions}
    for profile in (home, "global"):
        if profile in sold:
            return f"{BEDROCK}:{profile}.{model.name}"
    return model.id


def takes_temperature(catalog: Catalog, model_id: str) -> bool:
    """OpenAI's reasoning models refuse any temperature but their own."""
    model = catalog.find(model_id)
    return not (model and model.provider == "openai" and "reasoning" in model.capabilities)
