"""Names of configurations for people: as short as tells them apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from agents.graphs import GRAPHS
from agents.specialists import BY_NAME
from core.comparison import Configuration

AUTOMATIC = "Automatic"
_RETRIEVAL = {
    "rag": "passages",
    "hybrid": "documents + passages",
    "cag": "whole documents",
    "none": "no documents",
}


_USUAL = {
    "retrieval": "usual retrieval",
    "prompt": "shipped prompts",
    "temperature": "usual temperature",
    "fallback": "no fallback",
}
"""What stands where the others have an option and this one has nothing else to be told by."""


def full_label(one: Configuration, display_name: Callable[[str], str]) -> str:
    """Everything that is not as usual."""
    return ", ".join([_model(one, display_name), _agent(one), *_options(one).values()])


def short_labels(
    configurations: Sequence[Configuration], display_name: Callable[[str], str]
) -> list[str]:
    """One for each: only what differs among them, and no more than tells them apart.

    What has no option is not said to be without it, unless nothing else is left to say. Equal
    configurations are numbered.
    """
    parts = [_parts(one, display_name) for one in configurations]
    names = list(dict.fromkeys(name for one in parts for name in one))
    differing = [name for name in names if len({one.get(name, "") for one in parts}) > 1]
    shown = differing or ["model"]
    return _numbered([_label(one, shown) for one in parts])


def _label(parts: Mapping[str, str], shown: Sequence[str]) -> str:
    said = [parts[name] for name in shown if name in parts]
    return ", ".join(said or [_USUAL[name] for name in shown])


def labels_by_key(
    configurations: Mapping[str, Configuration], display_name: Callable[[str], str]
) -> dict[str, str]:
    """The same by contestant."""
    labels = short_labels(list(configurations.values()), display_name)
    return dict(zip(configurations, labels, strict=True))


def agent_name(graph: str, agent: str | None) -> str:
    """Of a graph, or of the agent that is pinned in it."""
    if agent is not None:
        return BY_NAME[agent].title if agent in BY_NAME else agent
    return next((one.title for one in GRAPHS if one.name == graph), graph)


def retrieval_name(retrieval: str) -> str:
    return _RETRIEVAL.get(retrieval, retrieval)


def _parts(one: Configuration, display_name: Callable[[str], str]) -> dict[str, str]:
    return {"model": _model(one, display_name), "agent": _agent(one), **_options(one)}


def _model(one: Configuration, display_name: Callable[[str], str]) -> str:
    return display_name(one.model) if one.model else AUTOMATIC


def _agent(one: Configuration) -> str:
    return agent_name(one.graph, one.agent)


def _options(one: Configuration) -> dict[str, str]:
    options = {}
    if one.retrieval is not None:
        options["retrieval"] = retrieval_name(one.retrieval)
    if one.prompt is not None:
        options["prompt"] = f"prompt {one.prompt}"
    if one.temperature is not None:
        options["temperature"] = f"temperature {one.temperature:g}"
    if one.fallback and one.model is not None:
        options["fallback"] = "with fallback"
    return options


def _numbered(labels: list[str]) -> list[str]:
    return [
        label if labels.count(label) == 1 else f"{label} ({labels[: n + 1].count(label)})"
        for n, label in enumerate(labels)
    ]
