"""The registry of one runtime, and what is read at the moment somebody asks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from analytics.prometheus.labels import ModelNames

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from analytics.prometheus.observer import RunFigures
    from core.events import Event

MOST_EARLY = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A figure somebody else keeps. Readings of one name have the same kind and labels."""

    name: str
    text: str
    kind: Literal["gauge", "counter"]
    value: float
    labels: tuple[tuple[str, str], ...] = ()


class PrometheusMetrics:
    """One per runtime; nothing is global. The client library is loaded in the background (`load`);
    events that come before wait for it."""

    def __init__(
        self,
        *,
        known_model: Callable[[str], str | None],
        readings: Callable[[], Iterable[Reading]],
    ) -> None:
        """`known_model`: the name under which a model is counted; None for one that nobody knows.
        `readings`: called by whoever asks for the text; it may not block for long."""
        self._models = ModelNames(known_model)
        self._readings = readings
        self._lock = threading.Lock()
        self._early: list[Event] = []
        self._registry: CollectorRegistry | None = None
        self._figures: RunFigures | None = None

    def observe(self, event: Event) -> None:
        """Run loop only. May raise: the caller counts it."""
        if self._figures is None:
            with self._lock:
                if self._figures is None:
                    if len(self._early) < MOST_EARLY:
                        self._early.append(event)
                    return
        self._figures.observe(event)

    def load(self) -> None:
        """70 ms, once; any thread but the loop's."""
        if self._figures is not None:
            return
        from prometheus_client import CollectorRegistry

        from analytics.prometheus.instruments import Instruments
        from analytics.prometheus.observer import RunFigures

        with self._lock:
            if self._figures is not None:
                return
            self._registry = CollectorRegistry(auto_describe=False)
            figures = RunFigures(Instruments(self._registry), self._models)
            for event in self._early:
                figures.observe(event)
            self._early.clear()
            self._figures = figures

    def use_catalog(self) -> None:
        """Models may be known under other names now."""
        self._models.forget()

    def text(self, accept: str = "", also: Iterable[Reading] = ()) -> tuple[bytes, str]:
        """The exposition and its content type: Prometheus text, or OpenMetrics for who asks for it."""
        self.load()
        from prometheus_client.exposition import choose_encoder

        assert self._registry is not None
        encode, content_type = choose_encoder(accept)
        everything = _Everything(self._registry, [*self._readings(), *also])
        return encode(everything), content_type


class _Everything:
    """What an encoder asks of a registry: its metrics, and the readings of this moment."""

    def __init__(self, registry: CollectorRegistry, readings: Iterable[Reading]) -> None:
        self._registry = registry
        self._of_now = readings

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        yield from self._registry.collect()
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for one in self._of_now:
            family = families.get(one.name)
            if family is None:
                kind = GaugeMetricFamily if one.kind == "gauge" else CounterMetricFamily
                names = [name for name, _ in one.labels]
                family = families[one.name] = kind(one.name, one.text, labels=names)
            family.add_metric([value for _, value in one.labels], one.value)
        yield from families.values()
