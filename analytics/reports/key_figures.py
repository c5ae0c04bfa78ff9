"""Key figures and data quality: the tiles of several reports."""

from __future__ import annotations

from analytics.intervals import minimum_n
from analytics.metrics import DEFINITIONS, Known, Percentile, Rate
from analytics.queries import Ask, Kpis
from analytics.queries.summary import data_quality
from analytics.reports.desk import Desk
from analytics.reports.document import Figure, Figures, Section, Unit, Words


def key_figures(desk: Desk) -> Section:
    """The tiles of the dashboard's overview, with the period before."""
    before = desk.before()
    now, then = desk.kpis(), before.kpis() if before else None
    about = "No earlier period was recorded in full, so there is nothing to compare with."
    if before is not None:
        about = f"Compared with {before.period.words}"
        about += "." if desk.over else ", as much of it as has passed of this one."
    return Section(
        title="Key figures",
        about=about,
        blocks=(Figures(items=(*_figures(now, then), _attainment(desk, before))),),
    )


def _figures(now: Kpis, then: Kpis | None) -> tuple[Figure, ...]:
    return (
        Figure(
            name="Runs", value=now.runs, unit="count", before=then.runs if then else None,
            note=f"{now.ok:,} completed, {now.cancelled:,} stopped", definition=DEFINITIONS["runs"],
        ),
        Figure(
            name="Users", value=now.users, unit="count", before=then.users if then else None,
            definition=DEFINITIONS["users"],
        ),
        _rate("Failure rate", now.failure, then.failure if then else None, DEFINITIONS["failure_rate"]),
        _time("First token, p50", now.ttft_p50, then.ttft_p50 if then else None, DEFINITIONS["ttft"]),
        _time("First token, p95", now.ttft_p95, then.ttft_p95 if then else None, DEFINITIONS["ttft"]),
        _time("Latency, p50", now.latency_p50, then.latency_p50 if then else None, DEFINITIONS["latency"]),
        _time("Latency, p95", now.latency_p95, then.latency_p95 if then else None, DEFINITIONS["latency"]),
        _sum("Cost", "pusd", now.cost, then.cost if then else None, DEFINITIONS["cost"], "priced"),
        _sum("Input tokens", "count", now.input_tokens, then.input_tokens if then else None,
             DEFINITIONS["tokens"], "known"),
        _sum("Output tokens", "count", now.output_tokens, then.output_tokens if then else None,
             DEFINITIONS["tokens"], "known"),
        Figure(
            name="Writing speed", value=now.speed.per_second, unit="per_second",
            before=then.speed.per_second if then else None, note=f"{now.speed.n:,} calls", better="up",
            definition=DEFINITIONS["tokens_per_second"],
        ),
    )  # fmt: skip


def _rate(name: str, now: Rate, then: Rate | None, definition: str) -> Figure:
    between = now.interval
    note = f"{now.k:,} of {now.n:,}"
    if between is not None:
        note += f", 95 % interval {between[0] * 100:.1f} to {between[1] * 100:.1f} %"
    return Figure(
        name=name, value=now.share, unit="share", before=then.share if then else None, note=note,
        definition=definition, better="down",
    )  # fmt: skip


def _time(name: str, now: Percentile, then: Percentile | None, definition: str) -> Figure:
    few = "" if now.enough else f", too few: {minimum_n(now.q)} are needed"
    return Figure(
        name=name, value=now.value, unit="us", before=then.value if then else None,
        note=f"n = {now.n:,}{few}", sound=now.enough, definition=definition, better="down",
    )  # fmt: skip


def _sum(
    name: str, unit: Unit, now: Known, then: Known | None, definition: str, word: str
) -> Figure:
    return Figure(
        name=name, value=now.value, unit=unit, before=then.value if then else None,
        note=f"{now.known:,} of {now.of:,} calls {word}", at_least=bool(now.missing),
        definition=definition,
    )  # fmt: skip


def _attainment(desk: Desk, before: Desk | None) -> Figure:
    now, then = kept_level(desk), kept_level(before) if before else None
    settings = desk.settings
    return Figure(
        name="Service level", value=now.share, unit="share", before=then.share if then else None,
        note=f"{now.k:,} of {now.n:,} runs, target {settings.slo_target * 100:.0f} %", better="up",
        definition=f"Runs with a first token within {settings.slo_first_token_s:g} s and an answer "
        f"within {settings.slo_answer_s:g} s, as judged when each run was recorded.",
    )  # fmt: skip


def kept_level(desk: Desk) -> Rate:
    """Runs that met the service level, of those that count."""

    def question(ask: Ask) -> Rate:
        sums = ask.facts.sums("run", ask.scope, ["slo_met", "slo_of"])
        return Rate(k=sums.total("slo_met"), n=sums.total("slo_of"))

    return desk.ask(question)


def quality(desk: Desk) -> Section:
    """How far the figures can be trusted."""
    found = desk.ask(data_quality)
    doubts = [
        f"{number:,} {words}"
        for number, words in (
            (found.contradictory, "calls reported token counts that contradict each other."),
            (found.free_but_used, "calls used tokens of a paid provider and cost exactly $0."),
            (found.lost_runs, "runs were lost when Switchboard ended."),
            (found.running_runs, "runs had not ended when this was made."),
        )
        if number
    ]
    coverage = (
        ("Calls with tokens from the provider", found.provider_usage),
        ("Calls with a known price", found.priced),
        ("Successful calls with a first token", found.first_token),
    )
    return Section(
        title="Data quality",
        about="What is unknown is left out of sums and never counted as 0.",
        blocks=(
            Figures(
                items=tuple(
                    Figure(
                        name=name, value=rate.share, unit="share", note=f"{rate.k:,} of {rate.n:,}"
                    )
                    for name, rate in coverage
                )
            ),
            *([Words(lines=tuple(doubts))] if doubts else []),
        ),
    )
