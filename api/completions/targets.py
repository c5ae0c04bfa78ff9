"""What the `model` of a request may be: the supervisor, a graph, an agent, or a model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agents.graphs import GRAPHS
from agents.specialists import SPECIALISTS
from api.completions.errors import ModelNotFound
from api.completions.schemas import ModelObject

if TYPE_CHECKING:
    from agents.runtime import Runtime

HOUSE = "switchboard"
SUPERVISOR = "supervisor"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    graph: str = SUPERVISOR
    agent: str | None = None
    model: str | None = None


def target_of(house: Runtime, name: str) -> Target:
    """Raises ModelNotFound, with what there is."""
    if name == HOUSE:
        return Target()
    if any(graph.name == name and graph.listed for graph in GRAPHS):
        return Target(graph=name)
    if any(one.name == name for one in SPECIALISTS):
        return Target(agent=name)
    for status in house.models.list_models():
        if name in (status.id, status.id.partition(":")[2]):
            if not status.configured:
                raise ModelNotFound(
                    f"The model '{status.id}' is not set up here: {status.reason}.",
                    what_to_do="Choose another model.",
                )
            return Target(model=status.id)
    raise ModelNotFound(
        "There is no such model.", what_to_do=f"Use {HOUSE}, or another one that /v1/models lists."
    )


def listed(house: Runtime) -> list[ModelObject]:
    """Everything `target_of` takes and that can answer now."""
    created = int(datetime.combine(house.catalog.date, datetime.min.time(), tzinfo=UTC).timestamp())

    def made(name: str, title: str, owner: str, description: str = "") -> ModelObject:
        return ModelObject(
            id=name, created=created, owned_by=owner, name=title, description=description
        )

    supervisor = next(graph for graph in GRAPHS if graph.name == SUPERVISOR)
    return [
        made(HOUSE, "Switchboard", HOUSE, supervisor.description),
        *(made(g.name, g.title, HOUSE, g.description) for g in GRAPHS if g.listed),
        *(made(one.name, one.title, HOUSE, one.description) for one in SPECIALISTS),
        *(
            made(m.id, m.display_name, m.provider)
            for m in house.models.list_models()
            if m.configured
        ),
    ]


def one_of(house: Runtime, name: str) -> ModelObject:
    """Raises ModelNotFound."""
    target = target_of(house, name)
    wanted = target.model or name
    return next(found for found in listed(house) if found.id == wanted)
