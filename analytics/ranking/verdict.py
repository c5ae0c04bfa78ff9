"""The sentence that says what may be concluded of two contestants, and the kind of it.

Plain text with names as they were given: whoever shows it escapes it. Nothing is computed here
that is not in the values, and nothing is claimed that they do not carry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from analytics.ranking.claims import Claim, cost_claims, latency_claims
from analytics.ranking.paired import Costs, Ratio
from analytics.ranking.percentiles import PercentileDifference
from analytics.ranking.proportions import failure_bound
from analytics.ranking.quality import DELTA, Basis, Quality
from analytics.ranking.wording import about, listed, percent_at_most, plural, points

VerdictKind = Literal["better", "not_worse", "slightly_worse", "worse", "cannot_tell", "no_data"]
"""`slightly_worse`: certainly worse, and certainly by less than the margin."""
VERDICT_KINDS: tuple[VerdictKind, ...] = get_args(VerdictKind)

_NOTHING: dict[Basis, str] = {
    "votes": "No votes on {a} and {b} yet.",
    "passes": "No results of both {a} and {b} yet.",
    "scores": "No scores of both {a} and {b} yet.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Everything measured of b against a; None is not measured."""

    quality: Quality | None
    basis: Basis
    """How quality was judged, also when it was not yet."""
    costs: Costs | None = None
    latency: Ratio | None = None
    p95: PercentileDifference | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What may be said of b against a."""

    kind: VerdictKind
    text: str
    n: int
    """Votes or cases the kind rests on."""
    more_needed: int
    """About how many more would decide it; 0 when decided or when there are none yet."""
    claims: tuple[Claim, ...]
    """Cost, latency and its p95, also those the text leaves out."""
    notes: tuple[str, ...]
    """Sentences about what was left out, and why."""


def verdict(a: str, b: str, measured: Measured, *, delta: float = DELTA) -> Verdict:
    """What may be said of the contestant named b against the one named a.

    Raises ValueError for a margin that is not between 0 and 1.
    """
    if not 0 < delta < 1:
        raise ValueError("the margin lies between 0 and 1")
    kind = kind_of(measured.quality, delta)
    claims = (
        *cost_claims(measured.costs, a),
        *latency_claims(measured.latency, measured.p95),
    )
    quality = measured.quality
    return Verdict(
        kind=kind,
        text=_text(a, b, measured, kind, claims, delta),
        n=quality.n if quality else 0,
        more_needed=quality.more_needed(delta) if quality and kind == "cannot_tell" else 0,
        claims=claims,
        notes=tuple(_notes(measured, claims, delta)),
    )


def kind_of(quality: Quality | None, delta: float = DELTA) -> VerdictKind:
    """Votes are looked at as they come in, so that better and worse need the bound of `early`."""
    if quality is None:
        return "no_data"
    differ = quality.certain and quality.settled
    if differ and quality.value > 0:
        return "better"
    if quality.not_worse(delta):
        return "slightly_worse" if differ else "not_worse"
    return "worse" if differ else "cannot_tell"


def _text(
    a: str,
    b: str,
    measured: Measured,
    kind: VerdictKind,
    claims: Sequence[Claim],
    delta: float,
) -> str:
    quality = measured.quality
    said = _worth_saying(claims)
    if quality is not None and kind not in ("cannot_tell", "no_data"):
        good = kind in ("better", "not_worse")
        lead = _quality_phrase(a, quality.value, kind, delta)
        return f"{b} is {_joined(lead, good, said)} ({_counts(quality, said)})."
    if quality is None:
        first = _NOTHING[measured.basis].format(a=a, b=b)
    else:
        first = _undecided(a, b, quality, delta)
    if not said:
        return first
    good = said[0].direction != "against"
    return f"{first} {b} is {_joined(None, good, said)} ({_counts(None, said)})."


def _worth_saying(claims: Sequence[Claim]) -> list[Claim]:
    """What is clear; of the p95 only what the latency as a whole does not already say."""
    latency = {claim.direction for claim in claims if claim.about == "latency"}
    return [
        claim
        for claim in claims
        if claim.direction != "unclear"
        and not (claim.about == "p95" and claim.direction in latency)
    ]


def _quality_phrase(a: str, value: float, kind: VerdictKind, delta: float) -> str:
    if kind == "better":
        return f"better than {a} by {points(value)}"
    if kind == "not_worse":
        return f"not worse than {a} within {points(delta)}"
    if kind == "worse":
        return f"worse than {a} by {points(value)}"
    return f"slightly worse than {a} (by {points(value)}, surely less than {points(delta)})"


def _joined(lead: str | None, good: bool, said: Sequence[Claim]) -> str:
    """What speaks for the same side first, the other side after "but"."""
    opposite = "against" if good else "for"
    same = [claim.phrase for claim in said if claim.direction != opposite]
    other = [claim.phrase for claim in said if claim.direction == opposite]
    first = listed([lead, *same] if lead is not None else same)
    return f"{first}, but {listed(other)}" if other else first


def _undecided(a: str, b: str, quality: Quality, delta: float) -> str:
    more = quality.more_needed(delta)
    one, many = ("vote", "votes") if quality.basis == "votes" else ("case", "cases")
    needed = f"{about(more)} more {plural(more, one, many)} {plural(more, 'is', 'are')} needed"
    ahead = f"{a} is ahead, but " if quality.certain else ""
    counts = _counts(quality, ())
    return f"Cannot tell yet whether {b} is as good as {a}: {ahead}{needed} ({counts})."


def _counts(quality: Quality | None, said: Sequence[Claim]) -> str:
    """n of the quality and by whom, then n of what was measured of another number."""
    base = quality.n if quality is not None else None
    by_n: dict[int, list[str]] = {}
    for claim in said:
        about_what = "latency" if claim.about == "p95" else claim.about
        if claim.n != base and about_what not in by_n.setdefault(claim.n, []):
            by_n[claim.n].append(about_what)
    if quality is None and len(by_n) == 1:
        return f"n = {next(iter(by_n)):,}"
    parts = [f"{listed(names)}: n = {n:,}" for n, names in by_n.items()]
    if quality is not None:
        parts.insert(0, f"n = {quality.n:,}{_by_whom(quality.voters)}")
    return "; ".join(parts)


def _by_whom(voters: int | None) -> str:
    if voters is None:
        return ""
    return ", by one voter" if voters == 1 else f", by {voters:,} voters"


def _notes(measured: Measured, claims: Sequence[Claim], delta: float) -> list[str]:
    """Reasons for what is not said, and what was left out."""
    notes = [claim.phrase for claim in claims if claim.direction == "unclear"]
    quality, costs, latency = measured.quality, measured.costs, measured.latency
    if quality is not None:
        notes += _looks(quality, delta)
    if quality is not None and quality.basis == "passes" and quality.a == quality.b == 1:
        bound = percent_at_most(failure_bound(quality.n))
        notes.append(f"Both passed all {quality.n} cases; up to {bound} may fail all the same.")
    result = "score" if measured.basis == "scores" else "result"
    for what, found in ((result, quality), ("cost", costs), ("latency", latency)):
        if found is not None and found.n < found.of:
            notes.append(f"{found.of - found.n} of {found.of} left out: no {what} of both.")
    return notes


def _looks(quality: Quality, delta: float) -> list[str]:
    """What holds of a number of votes set beforehand, and not yet of looking as they come in."""
    notes = []
    if quality.certain and not quality.settled:
        notes.append("One leads, but too little for votes that are looked at as they come in.")
    if quality.not_worse(delta) and not quality.not_worse_at_any_look(delta):
        notes.append(
            '"Not worse" holds for a number of votes set beforehand; stopping when it first'
            " shows is wrong more often than one time in twenty."
        )
    return notes
