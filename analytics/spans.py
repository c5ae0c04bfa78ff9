"""Arithmetic on spans of time: unions, exclusive shares, self time. Integers, so sums are exact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Span = tuple[int, int]
"""Start and end in microseconds since the run was submitted."""


def clip(spans: Iterable[Span], start: int, end: int) -> list[Span]:
    """The parts of the spans inside [start, end]."""
    return [(max(a, start), min(b, end)) for a, b in spans if min(b, end) > max(a, start)]


def covered_us(spans: Iterable[Span]) -> int:
    """Length of the union: time that several spans share is counted once."""
    total, reached = 0, None
    for start, end in sorted(spans):
        begin = start if reached is None else max(start, reached)
        if end > begin:
            total += end - begin
            reached = end
    return total


def exclusive_us(layers: Sequence[Iterable[Span]], duration_us: int) -> list[int]:
    """How much of [0, duration] each layer has for itself, the rest last; the sum is `duration_us`.

    An instant covered by several layers belongs to the first of them: with |U_k| the length of the
    union of layers 1..k, share k = |U_k| - |U_k-1| and the rest = duration - |U_n|.
    """
    shares, taken, before = [], list[Span](), 0
    for layer in layers:
        taken += clip(layer, 0, duration_us)
        now = covered_us(taken)
        shares.append(now - before)
        before = now
    return [*shares, duration_us - before]


def self_us(span: Span, children: Iterable[Span]) -> int:
    """Duration minus the union of the children; parallel children are counted once."""
    return span[1] - span[0] - covered_us(clip(children, *span))
