"""What providers' prompt caches do: the share of input they had, what reading saved, what writing cost."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import starmap

from analytics.queries.ask import Ask
from analytics.queries.cost import each
from analytics.timeaxis import Bucket, BucketSize


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheSeries:
    """Input tokens and what came from a cache, by bucket; money in pico-USD."""

    size: BucketSize
    buckets: tuple[Bucket, ...]
    input_tokens: tuple[int, ...]
    cache_read_tokens: tuple[int, ...]
    calls: tuple[int, ...]

    @property
    def ratio(self) -> tuple[float | None, ...]:
        """Σ cached / Σ input; None without input."""
        return tuple(starmap(each, zip(self.cache_read_tokens, self.input_tokens, strict=True)))


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCache:
    """What caching does for one model; money in pico-USD."""

    model: str
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    saved: int
    """Net: reading saved this much, less what writing cost extra. Can be negative."""
    extra_for_writes: int

    @property
    def saved_by_reads(self) -> int:
        return self.saved + self.extra_for_writes

    @property
    def wasted(self) -> int:
        """Extra cost of writes that reading has not earned back."""
        return max(0, -self.saved)


def cache_over_time(ask: Ask) -> CacheSeries:
    """The share of input that came from a provider's cache."""
    axis, names = ask.axis, ["input_tokens", "cache_read_tokens", "input_known"]
    found = ask.facts.sums("call", ask.scope, names, axis=axis)
    given, read, calls = (found.by_bucket(name) for name in names)
    return CacheSeries(
        size=axis.size,
        buckets=axis.buckets,
        input_tokens=given,
        cache_read_tokens=read,
        calls=calls,
    )


def cache_by_model(ask: Ask) -> tuple[ModelCache, ...]:
    """Models that read from or wrote to a cache; most saved first."""
    names = ["input_tokens", "cache_read_tokens", "cache_write_tokens"]
    names += ["saved_by_cache_pusd", "extra_for_writes_pusd"]
    found = ask.facts.sums("call", ask.scope, names, by=["model"])
    rows = [
        ModelCache(
            model=model or "unknown",
            input_tokens=found.of(group, "input_tokens"),
            cache_read_tokens=found.of(group, "cache_read_tokens"),
            cache_write_tokens=found.of(group, "cache_write_tokens"),
            saved=found.of(group, "saved_by_cache_pusd"),
            extra_for_writes=found.of(group, "extra_for_writes_pusd"),
        )
        for group, (model,) in enumerate(found.groups)
    ]
    used = [row for row in rows if row.cache_read_tokens or row.cache_write_tokens]
    return tuple(sorted(used, key=lambda row: (-row.saved, row.model)))
