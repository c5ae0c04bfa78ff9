"""A question about figures as a typed `MetricsQuestion`: measure, split, range, filters.

English, by rules, one table per part. It reads generously: whether a question is about figures at
all is decided before (agents/vote.py); here only the absence of any measure gives None.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from core.metrics_query import FilterName, Measure, MetricsQuestion, RangeName, Split

_MEASURES: tuple[tuple[Measure, str], ...] = (
    ("fallback_rate", r"fall(?:ing|en)? ?-?backs?|fail ?-?overs?|(?:switch\w*|chang\w*) (?:to )?(?:another |the )?model"),
    ("tokens_per_second", r"tokens? ?(?:per|/|a) ?s(?:ec(?:ond)?)?\b|tok/s|\btps\b|throughput|(?:output|generation|streaming|writing) speed"),
    ("ttft_p95", r"(?:p9\d|9\dth|worst|slowest|tail)\b.{0,25}(?:ttft|first[- ]token)|(?:ttft|first[- ]token).{0,25}(?:p9\d|9\dth|worst|tail)"),
    ("ttft_p50", r"\bttft\b|first[- ](?:token|word)|(?:until|till|before) (?:the |an )?(?:answer|reply|text)s? (?:start|begin|appear)"),
    ("latency_p95", r"\bp9\d\b|9\dth|tail latenc|worst.case|percentile"),
    ("cost", r"\bcosts?\b|\bcosting\b|\bspen[dt]\b|\bspending\b|\bmoney\b|expensive|\bcheap\w*|\bprice[sy]?\b|\$|\busd\b|dollars?|\bbudget\b|\bpaid\b|\bpay\b|\bburn(?:ed|t)?\b"),
    ("failure_rate", r"(?:error|failure) (?:rate|share|ratio|percentage)|(?:rate|share|percentage|percent|ratio|proportion) of .{0,30}(?:error|fail)\w*|\bfail(?:s|ing)?\b|\bfailures?\b|\berrors?\b|unreliable|\breliab\w+|success rate"),
    ("input_tokens", r"(?:input|prompt|sent|incoming) tokens?|tokens? (?:in|sent|read)\b"),
    ("output_tokens", r"(?:output|completion|generated|answer|written|outgoing) tokens?|tokens? (?:out|generated|written|produced)\b"),
    ("tokens", r"\btokens?\b"),
    ("latency_p50", r"latenc|response times?|\bdurations?\b|how long|\bslow\w*|\bfast\w*|\bquick\w*|\bspeed\b|\bmedian\b|\btook\b|\btake\b|\bp50\b|\bruntime\b|\btimes?\b(?= (?:by|per) )|long(?:est)?\b.{0,12}\b(?:take|answer|run)"),
    ("users", r"\busers?\b|\bpeople\b|\bpersons?\b|\bvisitors?\b|\bhow many .{0,15}\bteam"),
    ("runs", r"\bruns?\b|\brequests?\b|\bcalls?\b|\bquestions?\b|\bmessages?\b|\banswer(?:s|ed)?\b|\bchats?\b|\bconversations?\b|\bturns?\b|\btraffic\b|\busage\b|\bused\b|\bbus(?:y|iest)\b|\bpopular\b|\bactivity\b|\bvolume\b|\bload\b|\basked\b|\bfailed\b|\bcancel\w+|\bstopped\b"),
)  # fmt: skip
_MEASURE_RES = tuple((measure, re.compile(pattern)) for measure, pattern in _MEASURES)

_THINGS: tuple[tuple[Split, str], ...] = (
    ("model", r"(?:llm|model)s?"), ("agent", r"(?:agent|specialist|route|worker)s?"),
    ("provider", r"(?:provider|vendor)s?"), ("status", r"(?:status(?:es)?|outcomes?|results?)"),
    ("entry_point", r"(?:entry ?-?points?|entrances?|doors?|channels?|interfaces?)"),
    ("hour", r"hours?"), ("day", r"(?:days?|dates?|weekdays?|weeks?)"),
)  # fmt: skip
_BY = r"(?:\bby|\bper|\bfor each|\bfor every|\beach|\bevery|\bacross(?: all)?|\bbetween(?: the)?|\bof each|\bof every|\bof all|\ball|\bsplit(?: up)? (?:by|into)|\bper each|\bcompare(?: the| all)?|\brank(?: the)?)(?: the| our| my)? "
_ASKED = r"(?:\bwhich|\bwhat|\bthe|\btop(?: \d+| three| five)?|\bwhose|\b(?:slow|fast|cheap|quick|busi)(?:est|iest)|\bmost \w+|\bleast \w+)(?: of (?:the|our|my))? "
_SUPERLATIVE = r"\b\w+est\b|\bmost\b|\bleast\b|\btop\b|\bworst\b|\bbest\b|\brank\b|\bmore\b|\bhighest\b|\bfewest\b"

_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "couple of": 2, "three": 3, "few": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "twenty-four": 24, "thirty": 30,
    "sixty": 60, "ninety": 90,
}  # fmt: skip
_MINUTES = {"m": 1, "h": 60, "d": 1440, "w": 10080, "mo": 43200, "q": 129600, "y": 525600}
_RANGE_MINUTES: tuple[tuple[RangeName, int], ...] = (
    ("15m", 15), ("1h", 60), ("6h", 360), ("24h", 1440), ("7d", 10080), ("30d", 44640), ("90d", 132480),
)  # fmt: skip
_SPAN = re.compile(
    r"\b(\d+|" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + r")?[ -]?"
    r"(minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w|fortnight|months?|quarters?|years?)\b"
)
_AGO = r"(?:last|past|previous|recent|preceding|trailing|within|in the|over the|during the|for the|these)"
_RANGE_WORDS: tuple[tuple[RangeName, str], ...] = (
    ("all", r"\ball[- ]?time\b|\bever\b|\boverall\b|\bin total\b|\bso far\b|\blifetime\b|since (?:the )?(?:beginning|start|launch|installation|day one)|\balways\b|\bfrom the (?:start|beginning)\b|\b(?:this|last) year\b"),
    ("15m", r"\bright now\b|\bcurrently\b|\bat the moment\b|\bquarter of an hour\b"),
    ("1h", r"\bthis hour\b|\bhalf (?:an )?hour\b"),
    ("24h", r"\btoday\b|\btonight\b|\blast night\b|\bovernight\b|\bthis (?:morning|afternoon|evening)\b|\bsince midnight\b|\bdaily total\b"),
    ("90d", r"\b(?:this|last|past) quarter\b"),
    ("30d", r"\b(?:this|last|past|current|previous) month\b|\bmonthly\b|\bfortnight\b"),
    ("7d", r"\b(?:this|last|past|current|previous) week(?:end)?\b|\bweekly\b|\byesterday\b|\brecently\b|\blately\b|\bthese days\b|\b(?:since|on|last) (?:mon|tues|wednes|thurs|fri|satur|sun)day\b"),
)  # fmt: skip

_MODEL_NAME = re.compile(
    r"\b(?:(?:openai|bedrock_converse|bedrock|local|ollama|azure_openai):[\w.:/-]+"
    r"|gpt[- ]?\d[\w.]*(?:[- ](?:mini|nano|sol|luna|astra|terra|turbo))?|o\d(?:-\w+)?|(?:amazon )?nova[- ](?:2[- ])?(?:micro|lite|pro|premier)"
    r"|claude[- ][\w.]+(?:[- ]\d[\w.-]*)?|(?:llama|mistral|mixtral|qwen|gemma|deepseek|phi)[\w.:-]*\d[\w.:-]*|built-in answerer|extractive)"
)
_AGENTS = r"technical|billing|policy|general|data|react|supervisor"
_AGENT_NAME = re.compile(
    rf"\b({_AGENTS})(?:'s)? (?:agent|specialist|worker|route)|\b(?:agent|specialist) ['\"`]?({_AGENTS}|[a-z_]+_agent)\b"
    r"|\b(?:for|from|of|by|did|does|has|in|only) (?:the )?(technical|billing|policy|react|supervisor)\b(?! (?:page|document))"
)
_PROVIDERS: tuple[tuple[str, str], ...] = (
    ("openai", r"\bopen ?ai\b(?!:)"), ("aws.bedrock", r"\b(?:aws|bedrock|amazon bedrock|amazon)\b(?!_|:| nova)"),
    ("local", r"\blocal (?:provider|models?)\b"),
)  # fmt: skip
_STATUSES: tuple[tuple[str, str], ...] = (
    ("error", r"\b(?:failed|errored|broken|unsuccessful|crashed)\b|\b(?:ended|ending) (?:in|with) (?:an )?error"),
    ("cancelled", r"\b(?:cancell?ed|stopped|aborted)\b"), ("ok", r"\b(?:completed|successful|succeeded|finished)\b"),
    ("interrupted", r"\binterrupted\b"),
)  # fmt: skip
_ENTRY = re.compile(
    r"\b(?:through|via|over|from|using|in) (?:the )?(api|chat|compare|websocket|rest)\b"
)


def parse(text: str, model_ids: Sequence[str] | None = None) -> MetricsQuestion | None:
    """The typed question, or None when no measure is named.

    `model_ids`: the ids a model name is completed to (default: those of the catalogue).
    """
    line = " ".join(text.lower().replace("’", "'").split())[:600]
    named = _MODEL_NAME.search(line)
    bare = _MODEL_NAME.sub(" thatmodel ", line)
    statuses = [status for status, pattern in _STATUSES if re.search(pattern, bare)]
    measure = _measure(bare, statuses)
    if measure is None:
        return None
    span = _range(bare)
    split = _split(bare, span)
    if re.search(r"\byesterday\b|\btrend\b|\bover time\b|\bdevelop", bare) and split == "none":
        split = "hour" if span in ("15m", "1h", "6h", "24h") else "day"
    filters: dict[FilterName, str] = {}
    if named:
        filters["model"] = _model_id(named[0], known_models() if model_ids is None else model_ids)
    if agent := _AGENT_NAME.search(bare):
        filters["agent"] = next(group for group in agent.groups() if group)
    if not named:
        providers = [name for name, pattern in _PROVIDERS if re.search(pattern, bare)]
        if len(providers) == 1:
            filters["provider"] = providers[0]
    if statuses and split != "status" and measure == "runs":
        filters["status"] = statuses[0]
    if entry := _ENTRY.search(bare):
        filters["entry_point"] = {"rest": "api", "websocket": "api"}.get(entry[1], entry[1])
    return MetricsQuestion(measure=measure, split=split, range=span or "24h", filters=filters)


def _measure(line: str, statuses: Sequence[str]) -> Measure | None:
    counted = re.search(r"\b(?:how many|number of|count of)\b", line)
    if counted and statuses and "token" not in line:
        return "runs"
    line = re.sub(
        r"(?:\bby|\bper|\beach|\bfor each) (?:user|person|run|request|call|question)\b", " ", line
    )
    return next((measure for measure, pattern in _MEASURE_RES if pattern.search(line)), None)


def _split(line: str, span: RangeName | None) -> Split:
    line = re.sub(r"\bper (?:second|sec|token|million)\b|/s\b", " ", line)
    timed = re.sub(
        rf"{_AGO}(?: the)? (?:\d+ |\w+ )?(?:hours?|days?|weeks?)\b|\ball[- ]time\b", " ", line
    )
    if re.search(r"\bhourly\b", line):
        return "hour"
    if re.search(r"\bdaily\b|\bday by day\b|\bhow (?:did|has|have) .* (?:change|develop)", line):
        return "day"
    for split, thing in _THINGS:
        if re.search(rf"{_BY}(?:single |different |individual )?{thing}\b", timed):
            return split
    for split, thing in _THINGS[:5]:
        asked = re.search(rf"{_ASKED}(?:\w+ )?{thing}\b", timed)
        if asked and (
            re.search(_SUPERLATIVE, line)
            or re.search(rf"\b(?:which|what|whose) (?:\w+ )?{thing}\b", line)
        ):
            return split
        if re.search(rf"\b(?:{thing})\b.*\b(?:compar\w+|versus|vs\.?|differ\w*|rank\w*)", timed):
            return split
    if re.search(r"\b(?:which|what|busiest|worst) (?:hour|time of day)\b", line):
        return "hour"
    return "day" if re.search(r"\b(?:which|what|busiest|worst) (?:day|weekday)\b", line) else "none"


def _range(line: str) -> RangeName | None:
    for match in re.finditer(rf"\b{_AGO}(?: the| last| past)? ", line):
        span = _SPAN.match(line, match.end())
        if span and (span[1] or re.search(r"last|past|previous|within", match[0])):
            return _smallest(span)
    for name, pattern in _RANGE_WORDS:
        if re.search(pattern, line):
            return name
    for span in _SPAN.finditer(line):
        if span[1] and span[1] not in ("a", "an"):
            return _smallest(span)
    return None


def _smallest(span: re.Match[str]) -> RangeName:
    """The smallest range that holds the span: the last 2 hours are within the last 6."""
    count = (
        int(span[1])
        if (span[1] or "1").isdigit() and span[1]
        else _NUMBERS.get(span[1] or "one", 1)
    )
    unit = span[2]
    if unit == "fortnight":
        minutes = 20160
    else:
        key = "mo" if unit.startswith("mo") else unit[0]
        minutes = count * _MINUTES[key]
    return next((name for name, limit in _RANGE_MINUTES if minutes <= limit), "all")


def _model_id(name: str, known: Sequence[str]) -> str:
    """The full id of a model named in a question; the name itself when it is not known."""
    if name in ("built-in answerer", "extractive"):
        return "local:extractive"
    wanted = re.sub(r"^amazon ", "", name).replace(" ", "-").rstrip(".:?-")
    for model_id in known:
        if wanted in (model_id.lower(), model_id.lower().partition(":")[2]):
            return model_id
    near = [
        model_id
        for model_id in known
        if re.search(rf"(?:^|[.:/-]){re.escape(wanted)}(?:$|[-:@])", model_id.lower())
    ]
    return min(near, key=len) if near else wanted


@lru_cache(maxsize=1)
def known_models() -> tuple[str, ...]:
    """The ids of the catalogue that ships."""
    from core.catalog import load_catalog

    return tuple(model.id for model in load_catalog().models)
