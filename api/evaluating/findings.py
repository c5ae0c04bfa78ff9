"""What an evaluation says: standings and verdicts, the comparison with a baseline, limits not met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agents.evaluation.results import Results
from analytics.ranking.decision import Decision, PairDecision, Standing, decide_by_passes
from analytics.ranking.quality import Quality
from analytics.reports.evaluation_rows import Earlier
from core.comparison import Answered


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What has to hold. All None: every answer passes."""

    min_pass: float | None = None
    """Share of the answers of each configuration."""
    max_drop: float | None = None
    """How much lower than the baseline's the pass rate may surely be, as a share."""

    @property
    def any(self) -> bool:
        return self.min_pass is not None or self.max_drop is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One configuration against its baseline."""

    label: str
    baseline: str
    sentence: str
    notes: tuple[str, ...]
    quality: Quality | None
    """Of `label` against `baseline`, whichever is the cheaper one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    results: Results
    labels: dict[str, str]
    """Key -> what people call the configuration; in the order of the plan."""
    decision: Decision
    against: tuple[Compared, ...]
    """With the baseline of this evaluation, or with the earlier one if there is one."""
    earlier: bool

    @property
    def open(self) -> dict[str, int]:
        """Answers of each configuration whose checks could not all be decided."""
        keys = list(self.labels)
        found = dict.fromkeys(keys, 0)
        for cell in self.results.cells:
            if cell.status == "done" and cell.passed is None:
                found[keys[cell.configuration]] += 1
        return found


def findings(
    results: Results, labels: Sequence[str], *, baseline: int = 0, earlier: Earlier | None = None
) -> Findings:
    """Of an evaluation. `labels`: one for each configuration; `baseline`: the place of one."""
    configured = results.evaluation.plan.configurations
    names = {one.key: label for one, label in zip(configured, labels, strict=True)}
    answers = [one for n in range(len(configured)) for one in results.answered(n)]
    decision = decide_by_passes(answers, keys=list(names), names=names)
    if earlier is None:
        base = configured[baseline].key
        against = [_against(pair, base, names) for pair in decision.pairs if base in _both(pair)]
    else:
        against = [_with_earlier(key, names, answers, earlier) for key in names]
    return Findings(
        results=results,
        labels=names,
        decision=decision,
        against=tuple(against),
        earlier=earlier is not None,
    )


def _both(pair: PairDecision) -> tuple[str, str]:
    return pair.a, pair.b


def _against(pair: PairDecision, base: str, names: dict[str, str]) -> Compared:
    """The pair with the baseline first: verdicts put the cheaper one second."""
    quality = pair.measured.quality
    other = pair.b
    if pair.b == base:
        other = pair.a
        quality = None if quality is None else _turned(quality)
    return Compared(
        label=names[other],
        baseline=names[base],
        sentence=pair.verdict.text,
        notes=pair.verdict.notes,
        quality=quality,
    )


def _turned(quality: Quality) -> Quality:
    return replace(
        quality, value=-quality.value, low=-quality.high, high=-quality.low,
        a=quality.b, b=quality.a,
    )  # fmt: skip


def _with_earlier(
    key: str, names: dict[str, str], answers: Sequence[Answered], earlier: Earlier
) -> Compared:
    """The same configuration then and now; one that was not there, with the first that was."""
    then = key if key in earlier.labels else next(iter(earlier.labels))
    both = [
        *(replace(one, contestant="then") for one in earlier.answers if one.contestant == then),
        *(replace(one, contestant="now") for one in answers if one.contestant == key),
    ]
    called = {"then": f"{earlier.labels[then]} ({earlier.name})", "now": f"{names[key]} (now)"}
    decision = decide_by_passes(both, keys=("then", "now"), names=called)
    return _against(decision.pairs[0], "then", called)


def unmet(found: Findings, limits: Limits) -> list[str]:
    """Why the exit status is not 0, a sentence each."""
    if not limits.any:
        cells = found.results.cells
        failed = sum(one.passed is not True for one in cells)
        return [f"{failed:,} of {len(cells):,} answers did not pass."] if failed else []
    problems = []
    if limits.min_pass is not None:
        problems += [
            f"{found.labels[one.key]} passed {rate:.1%}, less than {limits.min_pass:.1%}."
            for one in found.decision.standings
            if (rate := pass_rate(one, found.open[one.key])) < limits.min_pass
        ]
    if limits.max_drop is not None:
        problems += [
            problem
            for one in found.against
            if (problem := _dropped(one, limits.max_drop)) is not None
        ]
    return problems


def _dropped(one: Compared, margin: float) -> str | None:
    quality = one.quality
    if quality is None:
        return f"{one.label} and {one.baseline} have no question with a result of both."
    if quality.high >= -margin:
        return None
    return (
        f"{one.label} is surely worse than {one.baseline} by more than {margin:.1%}: "
        f"{quality.value:+.1%} ({quality.low:+.1%} to {quality.high:+.1%})."
    )


def passed_of(one: Standing) -> int:
    return round((one.quality or 0) * one.quality_n)


def pass_rate(one: Standing, undecided: int) -> float:
    """What is not decided has not passed."""
    return passed_of(one) / max(one.quality_n + undecided, 1)
