"""Routing without a model: the weighted vote of the areas of the retrieved passages.

Also says which questions need no documents at all because they are about Switchboard's own traffic.
Pure functions; measured by bench/routing.py, whose figures the constants below rest on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from agents.knowledge.search import Hit

Area = Literal["technical", "billing", "policy", "general"]
RouteName = Literal["technical", "billing", "policy", "general", "data"]
AREAS: tuple[Area, ...] = get_args(Area)

VOTERS = 10
CONFIDENT_MARGIN = 0.3
"""Between the two best shares. Right in 97 / 95 / 94 % of title / heading / hand-written questions."""
CONFIDENT_RELEVANCE = 0.45
"""Of the best passage. 80 % of foreign questions stay below it, and 7 % of real ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vote:
    scores: Mapping[Area, float]
    """Share of each of the four areas; they sum to 1, or are all 0 when nothing was found."""
    best: Area
    """`general` when nothing was found."""
    margin: float
    """Share of the best minus share of the second."""
    relevance: float
    """Of the most relevant passage: low = the documents do not hold the answer."""
    confident: bool
    """The route needs no model's second opinion."""
    reason: str


def vote(hits: Sequence[Hit]) -> Vote:
    """The vote of the ten best hits, given best first.

    A passage weighs its squared relevance, less with every place. Passages of any other
    area than the four (a folder of the operator's own) vote for `general`.
    """
    scores: dict[Area, float] = dict.fromkeys(AREAS, 0.0)
    for place, hit in enumerate(hits[:VOTERS]):
        scores[area_of(hit.passage.area)] += hit.relevance**2 / (place + 2)
    total = sum(scores.values())
    if not total:
        return Vote(
            scores=scores,
            best="general",
            margin=0.0,
            relevance=0.0,
            confident=False,
            reason="No passage matches the question.",
        )
    shares: dict[Area, float] = {area: score / total for area, score in scores.items()}
    best, second = sorted(AREAS, key=lambda area: -shares[area])[:2]
    margin = shares[best] - shares[second]
    relevance = max(hit.relevance for hit in hits[:VOTERS])
    return Vote(
        scores=shares,
        best=best,
        margin=margin,
        relevance=relevance,
        confident=margin >= CONFIDENT_MARGIN and relevance >= CONFIDENT_RELEVANCE,
        reason=_reason(best, second, shares, relevance),
    )


def area_of(folder: str) -> Area:
    """The area a folder of the knowledge base counts for."""
    return next((area for area in AREAS if area == folder.casefold()), "general")


def _reason(best: Area, second: Area, shares: Mapping[Area, float], relevance: float) -> str:
    if relevance < CONFIDENT_RELEVANCE:
        return f"The best passage covers only {relevance:.0%} of the question."
    if shares[best] - shares[second] < CONFIDENT_MARGIN:
        return f"The passages found are divided: {best} {shares[best]:.0%}, {second} {shares[second]:.0%}."
    return f"{shares[best]:.0%} of the weight of the passages found is {best}."


def is_metrics_question(text: str) -> bool:
    """True for a question about recorded traffic ("p95 latency by agent"), in English.

    It needs a measure (cost, latency, runs ...) and an anchor that makes it a recorded one (a past
    time, a split, a ranking of models, a past tense). Wrong towards False on purpose: the router
    model or the vote still decides then, while a wrong True answers a support question with numbers.
    """
    line = " ".join(text.lower().replace("’", "'").split())
    if not line or len(line) > 400 or text.count("\n") > 2:
        return False
    line = _POLITE.sub("", line)
    if _EXPLAIN.search(line) or _ALLOWED.search(line) or _SUPPORT.search(line):
        return False
    if _RANKING.search(line):
        return True
    if not (_MEASURE.search(line) or (_COUNTING.search(line) and _COUNTED.search(line))):
        return False
    if _PAST_TIME.search(line) or _SPLIT.search(line) or _PAST_TENSE.search(line):
        return True
    # "What is TTFT" asks for a meaning, "what is our TTFT" for a number.
    return _STATISTIC.search(line) is not None and _DEFINITION.search(line) is None


_POLITE = re.compile(
    r"^(?:hi|hello|hey|ok|okay|so|and|please|thanks)\b[,!. ]*|"
    r"^(?:please |can you |could you |would you |will you |i(?:'d| would) (?:like|want) to |"
    r"i want to |let me |let's )+"
    r"(?=show|tell|give|list|see|know|plot|compare|chart|break|display|report)"
)
_EXPLAIN = re.compile(
    r"\bhow (?:do|does|to|can|should|would|could)\b|\bhow (?:is|are) .*\b(?:comput|calculat|measur|"
    r"defin|count|record|"
    r"stor|estimat|priced|work)|\bmean(?:s|ing)?\b|\bdefin|\bexplain|\bdifference between\b|"
    r"\bwhere (?:do|can|is|are)\b|"
    r"\bwhat (?:does|do) .*\b(?:mean|count|include|stand for)\b|\bdocument"
)
_ALLOWED = re.compile(
    r"\b(?:can|could|may|might|should|must|shall|will|would|allowed|limits?|limited|maximum|quota|"
    r"support(?:s|ed)?|"
    r"set up|configure|enable|disable|reduce|lower|improve|avoid)\b"
)
# Words of a help desk: with one of these, cost and runs are the customer's, not Switchboard's.
_SUPPORT = re.compile(
    r"\b(?:plans?|subscriptions?|seats?|licen[cs]es?|invoices?|refunds?|payments?|cards?|coupons?|"
    r"discounts?|"
    r"sponsors?|sponsorships?|marketplace|storage|minutes?|access tokens?|workflows?|builds?|"
    r"pipelines?|jobs?|tests?|repositor\w+|"
    r"accounts?|contracts?|deploy\w*|server|database|marathon|my app|our app)\b"
)
_MEASURE = re.compile(
    r"\b(?:runs|runtime|tokens|costs?|costing|spend|spent|spending|latency|latencies|ttft|"
    r"time to first token|"
    r"first[- ]token|p50|p75|p90|p95|p99|percentiles?|throughput|(?:error|failure|fallback|success|"
    r"cache|hit|stop) rates?|"
    r"response times?|token usage|usage|traffic|cached share|slow|slower|fast|faster|expensive|"
    r"cheap|cheaper)\b"
)
_COUNTING = re.compile(
    r"\bhow many\b|\bnumber of\b|\bcount\b|\btotal\b|\bshare of\b|\bpercent|\bmost\b|\btop\b|"
    r"\blist\b|\bshow\b|\baverage\b"
)
_COUNTED = re.compile(
    r"\b(?:runs?|requests?|calls?|errors?|failures?|failed|fallbacks?|messages?|questions?|"
    r"answers?|conversations?|threads?|"
    r"chats?|turns?|users?|cancelled|stopped|handoffs?|retries|thumbs)\b"
)
_PAST_TIME = re.compile(
    r"\b(?:today|yesterday|tonight|so far|recently|lately|overnight|right now|this (?:hour|morning|"
    r"afternoon|evening|week|month|"
    r"quarter|year)|(?:last|past|previous) (?:\d+ |few |couple of |two |three |seven |"
    r"thirty )?(?:minutes?|hours?|days?|weeks?|"
    r"months?|quarters?|years?|night|hour)|since (?:monday|tuesday|wednesday|thursday|friday|"
    r"saturday|sunday|yesterday|"
    r"last|midnight|noon|the|january|february|march|april|may|june|july|august|september|october|"
    r"november|december)|"
    r"(?:on|last) (?:mon|tues|wednes|thurs|fri|satur|sun)day|\d+ ?(?:h|d|m|hours?|days?) ago|"
    r"last \d+ ?[hdm]|\d{4}-\d\d-\d\d)\b"
)
_SPLIT = re.compile(
    r"\b(?:by|per|for each|for every|across|of each|of every|between) (?:the )?(?:agents?|models?|"
    r"providers?|threads?|routes?|status|"
    r"entry points?|specialists?|hour of day|run|answer)\b|\b(?:agent|model|provider) comparison\b"
)
_PAST_TENSE = re.compile(
    r"\bdid (?:\S+ ){1,5}?(?:cost|spend|use|take|consume|burn|fail)\b|\b(?:have|has) (?:we|i|it|"
    r"you|the \w+|\S+-\S+) "
    r"(?:spent|used|cost|burned|had|made|consumed)\b|\bhow many .*\b(?:were|was|have been|failed|"
    r"happened|did|ran)\b"
)
_RANKING = re.compile(
    r"\b(?:which|what|whose|the|list|show|rank|top) (?:\d+ |the )?(?:models?|agents?|providers?|"
    r"specialists?|llms?)\b.*\b(?:slow\w*|fast\w*|"
    r"cheap\w*|expensive|most|least|fewest|highest|lowest|longest|shortest|busiest|"
    r"costs? (?:the )?(?:most|least))\b|"
    r"\b(?:slowest|fastest|cheapest|busiest|most (?:used|expensive|popular)|least (?:used|"
    r"expensive)) (?:models?|agents?|providers?|"
    r"specialists?|llms?|runs?|answers?|threads?|conversations?)\b"
)
_STATISTIC = re.compile(
    r"\b(?:p50|p75|p90|p95|p99|median|average|mean|total|overall|current|our)\b|^(?:show|list|plot|"
    r"give|compare|chart|report)\b"
)
_DEFINITION = re.compile(r"^what(?:'s| is| are) (?!the |our |my |total |today)")
