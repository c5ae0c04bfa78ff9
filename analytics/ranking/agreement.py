"""Do two voters, or a person and a judge model, or a judge and itself with sides swapped, agree?

Two answers at a time: a ballot about three says something about up to three pairs. What a judge says
in both orders is one verdict here: the one it gave twice, or a tie.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from analytics.intervals import wilson
from analytics.ranking.counting import pairs_said
from core.comparison import Ballot

Verdict = Literal["lower", "higher", "tie", "both_bad"]
"""Which contestant was better, by the order of their keys."""
Asked = tuple[str, str, str]
"""(question, lower key, higher key)"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    n: int
    """Judgements both made."""
    observed: float
    """Share in which they say the same."""
    expected: float
    """The share by chance, if each kept its habits."""
    kappa: float | None
    """Cohen's: 1 is full agreement, 0 what chance gives; None when both always say one thing."""
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderConsistency:
    """One judge that saw the same two answers in both orders."""

    pairs: int
    consistent: int
    low: float
    high: float
    """Wilson's interval of the share of consistent pairs."""
    always_first: int
    """Pairs of which it chose whatever was shown first."""
    always_second: int


def kappa(a: Sequence[str], b: Sequence[str]) -> Agreement | None:
    """Cohen's κ = (observed - expected)/(1 - expected) of two lists of labels; None of nothing.

    The interval is Wilson's of the observed share, put through the same formula: unlike the usual
    normal one it does not shrink to nothing when two agree in all of three cases. Raises ValueError
    for lists that are not equally long. Source: J. Cohen, "A coefficient of agreement for nominal
    scales", 1960.
    """
    n = len(a)
    same = sum(x == y for x, y in zip(a, b, strict=True))
    bounds = wilson(same, n)
    if bounds is None:
        return None
    of_a, of_b = Counter(a), Counter(b)
    expected = sum(of_a[label] * of_b[label] for label in of_a) / (n * n)
    if expected == 1:
        value = low = high = None
    else:
        value, low, high = ((x - expected) / (1 - expected) for x in (same / n, *bounds))
    return Agreement(n=n, observed=same / n, expected=expected, kappa=value, low=low, high=high)


def agreement(ballots: Iterable[Ballot], voter_a: str, voter_b: str) -> Agreement | None:
    """Of what both judged; None when there is nothing."""
    both = [ballot for ballot in ballots if ballot.voter in (voter_a, voter_b)]
    of_a = verdicts(ballot for ballot in both if ballot.voter == voter_a)
    of_b = verdicts(ballot for ballot in both if ballot.voter == voter_b)
    shared = sorted(of_a.keys() & of_b.keys())
    return kappa([of_a[asked] for asked in shared], [of_b[asked] for asked in shared])


def verdicts(ballots: Iterable[Ballot]) -> dict[Asked, Verdict]:
    """One verdict for each question and pair; contradictory ones make a tie."""
    said: dict[Asked, set[Verdict]] = defaultdict(set)
    for ballot in ballots:
        for asked, verdict, _ in _verdicts(ballot):
            said[asked].add(verdict)
    return {asked: found.pop() if len(found) == 1 else "tie" for asked, found in said.items()}


def order_consistency(ballots: Iterable[Ballot], judge: str) -> OrderConsistency | None:
    """Of the pairs it saw in both orders, the first judgement of each; None when there is none."""
    seen: dict[Asked, dict[bool, Verdict]] = defaultdict(dict)
    for ballot in ballots:
        if ballot.voter == judge and len(ballot.contestants) == 2:
            for asked, verdict, in_order in _verdicts(ballot):
                seen[asked].setdefault(in_order, verdict)
    both = [said for said in seen.values() if len(said) == 2]
    consistent = sum(said[True] == said[False] for said in both)
    bounds = wilson(consistent, len(both))
    if bounds is None:
        return None
    return OrderConsistency(
        pairs=len(both),
        consistent=consistent,
        low=bounds[0],
        high=bounds[1],
        always_first=sum((said[True], said[False]) == ("lower", "higher") for said in both),
        always_second=sum((said[True], said[False]) == ("higher", "lower") for said in both),
    )


def _verdicts(ballot: Ballot) -> Iterator[tuple[Asked, Verdict, bool]]:
    """With whether the lower key was shown first. Nothing of a ballot that is flagged or skipped, nor
    about two answers of one contestant."""
    if ballot.flags or ballot.outcome == "skip":
        return
    shown = ballot.contestants
    for slot, later, won in pairs_said(ballot.outcome, ballot.order, len(shown)):
        if shown[slot] == shown[later]:
            continue
        in_order = shown[slot] < shown[later]
        lower, higher = sorted((shown[slot], shown[later]))
        asked = (ballot.question, lower, higher)
        if won == 0.5:
            yield asked, "both_bad" if ballot.outcome == "both_bad" else "tie", in_order
        else:
            yield asked, "lower" if (won == 1) == in_order else "higher", in_order
