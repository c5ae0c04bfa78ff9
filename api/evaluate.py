"""Asks a question set and checks the answers: for a terminal and for continuous integration.

python -m api.evaluate handbook.csv --model openai:gpt-4o-mini --min-pass 0.9
python -m api.evaluate handbook.csv --model openai:gpt-4o --model openai:gpt-4o-mini --report out.html
python -m api.evaluate handbook.csv --against last-week.json --max-drop 0.05

The exit status is 0 when everything asked for holds, 1 when not, 2 when it could not be run to its
end, 130 after Ctrl-C. Without --min-pass and --max-drop every answer has to pass. The same command
goes on with an evaluation that was cut off.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agents.evaluation.values import Evaluation, Plan
from api.evaluating import asked
from api.evaluating.asked import OWNER, Source
from api.evaluating.reporting import form_of
from api.evaluating.run import Paused, begin, newest, to_its_end
from core.comparison import Configuration
from core.errors import InvalidInput, SwitchboardError
from core.settings import load_settings
from core.text import clean

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from analytics.reports.evaluation_rows import Earlier
    from api.evaluating.findings import Findings

DEFAULT_CONCURRENCY = 4
MET, NOT_MET, NOT_RUN, STOPPED = 0, 1, 2, 130
_GO_ON = "The same command goes on with it.\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    given = parser().parse_args(arguments)
    try:
        return _evaluate(given)
    except SwitchboardError as exc:
        sys.stderr.write(f"{asked.sentence(exc)}\n")
        return NOT_RUN
    except Paused:
        sys.stderr.write(f"Paused. {_GO_ON}")
        return STOPPED
    except KeyboardInterrupt:
        sys.stderr.write(f"Stopped. {_GO_ON}")
        return STOPPED


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m api.evaluate", description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    add = made.add_argument
    add("set", metavar="SET", help="a CSV, JSON lines or JSON file, or the name of a stored set")
    add("--good-rows-only", action="store_true", help="leave broken rows of the file out")
    add(
        "--config", dest="configurations", action="append", type=_configuration, metavar="JSON",
        help="""a configuration, such as {"model": "openai:gpt-4o", "agent": "technical"}; """
        "may be repeated",
    )  # fmt: skip
    add(
        "--model", dest="configurations", action="append", type=_of_model, metavar="ID",
        help="a configuration with this model and nothing else; may be repeated",
    )  # fmt: skip
    add("--lineup", metavar="NAME", help="the configurations of a saved line-up")
    add("--name", help="of the evaluation; default: that of the set")
    add("--repeats", type=int, default=1, help="how often each question is asked; default: 1")
    add("--concurrency", type=int, help=f"answers at once; default: {DEFAULT_CONCURRENCY}")
    add("--budget", type=_dollars, metavar="USD", help="pause before more than this is spent")
    add("--judge", metavar="MODEL", help="the model that judges where a check asks for it")
    add("--pairwise", action="store_true",
        help="the judge also compares each configuration with the first, in both orders")  # fmt: skip
    add("--baseline", type=int, default=1, metavar="N",
        help="the configuration the others are compared with; default: 1")  # fmt: skip
    add("--against", metavar="EVALUATION",
        help="compare with an earlier evaluation instead: its id, or its JSON report")  # fmt: skip
    add("--min-pass", type=_share, metavar="SHARE", help="fail below this, such as 0.9")
    add("--max-drop", type=_share, metavar="SHARE",
        help="fail when the pass rate is surely lower than the baseline's by more, such as 0.05")  # fmt: skip
    add("--report", type=Path, action="append", default=[], metavar="FILE",
        help="write a report as .html, .md, .csv or .json; may be repeated")  # fmt: skip
    again = made.add_mutually_exclusive_group()
    again.add_argument("--fresh", action="store_true", help="start anew although one is unfinished")
    again.add_argument("--retry-failed", action="store_true",
        help="ask again what has no answer in the newest evaluation of the same")  # fmt: skip
    add("--data-dir", type=Path, help="the data folder; default: SWITCHBOARD_DATA_DIR")
    return made


def _configuration(text: str) -> Configuration:
    try:
        return asked.read_configuration(text)
    except InvalidInput as exc:
        raise argparse.ArgumentTypeError(f"{exc.message} {exc.what_to_do}") from exc


def _of_model(text: str) -> Configuration:
    return Configuration.from_dict({"model": text})


def _dollars(text: str) -> int:
    try:
        return asked.pico_usd(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no amount of US dollars above 0") from None


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a share from 0 to 1, such as 0.9")
    return value


def _evaluate(given: argparse.Namespace) -> int:
    for target in given.report:
        form_of(target)
    source = _source(given)
    earlier = _earlier_file(given)
    settings = load_settings(**({"data_dir": given.data_dir} if given.data_dir else {}))
    from agents.runtime import Runtime

    runtime = Runtime(settings)
    try:
        return _with(runtime, given, source, earlier)
    finally:
        runtime.close()


def _source(given: argparse.Namespace) -> Source:
    source = asked.read_source(given.set)
    if source.parsed is not None:
        if source.parsed.warnings:
            sys.stderr.write(f"{asked.faults_text(source.parsed.warnings)}\n")
        broken = asked.broken_rows(source.parsed, given.set)
        if broken and not given.good_rows_only:
            raise InvalidInput(
                f"{broken}\nNothing was run.",
                what_to_do="Correct them, or run the others with --good-rows-only.",
            )
    return source


def _earlier_file(given: argparse.Namespace) -> Earlier | None:
    from api.evaluating.earlier import earlier_file

    return earlier_file(given.against) if given.against else None


def _with(
    runtime: Runtime, given: argparse.Namespace, source: Source, earlier: Earlier | None
) -> int:
    if given.against and earlier is None:
        from api.evaluating.earlier import earlier_kept

        earlier = earlier_kept(runtime, given.against)
    evaluation = _chosen(runtime, given, source, earlier)
    begin(runtime, evaluation, retry_failed=given.retry_failed)
    ended = to_its_end(runtime, evaluation)
    return _conclude(runtime, given, ended, earlier)


def _chosen(
    runtime: Runtime, given: argparse.Namespace, source: Source, earlier: Earlier | None
) -> Evaluation:
    """The one to go on with, or a new one. Raises InvalidInput, NotFound."""
    configured = asked.configurations(runtime, given.configurations or (), given.lineup)
    _check_baseline(given, len(configured), earlier)
    stored = asked.stored_set(runtime, source)
    most = runtime.evaluations.most_at_once
    plan = Plan(
        name=(given.name or stored.name)[:120],
        configurations=configured,
        repeats=given.repeats,
        concurrency=min(DEFAULT_CONCURRENCY, most)
        if given.concurrency is None
        else given.concurrency,
        budget_pusd=given.budget,
        judge_model=given.judge,
        pairwise=given.pairwise,
    )
    found = None if given.fresh else newest(runtime, stored, plan, ended=given.retry_failed)
    if found is None:
        return runtime.evaluations.create(OWNER, stored, plan)
    progress = found.progress
    sys.stderr.write(
        f"Going on with an evaluation that has {progress.done:,} of {progress.total:,} answers. "
        "--fresh starts anew.\n"
    )
    return found


def _check_baseline(given: argparse.Namespace, configured: int, earlier: Earlier | None) -> None:
    if not 1 <= given.baseline <= configured:
        raise InvalidInput(
            f"--baseline {given.baseline}: there are {configured} configurations.",
            what_to_do=f"Give a number from 1 to {configured}.",
        )
    if given.max_drop is not None and configured == 1 and earlier is None:
        raise InvalidInput(
            "--max-drop has nothing to compare with.",
            what_to_do="Give another configuration, or an earlier evaluation with --against.",
        )


def _conclude(
    runtime: Runtime, given: argparse.Namespace, ended: Evaluation, earlier: Earlier | None
) -> int:
    """Prints what was found and writes the reports; the exit status."""
    from agents.comparing.labels import short_labels
    from api.evaluating.findings import Limits, findings, unmet

    labels = short_labels(ended.plan.configurations, runtime.catalog.display_name)
    results = runtime.evaluations.results(ended)
    found = findings(results, labels, baseline=given.baseline - 1, earlier=earlier)
    _say(runtime, found, given.report)
    if ended.status != "done":
        go_on = "A higher --budget, or none, goes on with it.\n" if "udget" in ended.why else _GO_ON
        sys.stderr.write(f"It is not finished. {ended.why}\n{go_on}")
        return NOT_RUN
    if not ended.progress.done:
        sys.stderr.write("Not one answer came about: nothing was evaluated.\n")
        return NOT_RUN
    problems = unmet(found, Limits(min_pass=given.min_pass, max_drop=given.max_drop))
    said = "\n".join(problems) or "Everything holds."
    sys.stdout.write(f"\n{clean(said)}\n")
    return NOT_MET if problems else MET


def _say(runtime: Runtime, found: Findings, targets: Sequence[Path]) -> None:
    from agents.runtime.evaluation_report import evaluation_report, texts_of
    from api.evaluating.printed import printed, shown_first
    from api.evaluating.reporting import write_report

    texts = texts_of(runtime, shown_first(found))
    sys.stdout.write(f"\n{printed(found, texts)}\n")
    if targets:
        report = evaluation_report(
            runtime,
            found.results,
            found.decision,
            list(found.labels.values()),
            against=[one.sentence for one in found.against] if found.earlier else (),
        )
        for target in targets:
            write_report(runtime, report, target)
            sys.stderr.write(f"{target}\n")


if __name__ == "__main__":
    raise SystemExit(main())
