"""Comparisons over a real runtime and the scripted provider: asked, voted on, gone on with, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.comparing.judging import JudgeProgress
from agents.comparing.values import Comparison, Vote, shuffled
from agents.runtime import Runtime
from core.comparison import Ballot, Configuration, Outcome
from core.errors import InvalidInput, NotFound, ThreadBusy
from tests.agents.answering_house import answering, judge_says
from tests.provider import ProviderServer, Reply

pytestmark = pytest.mark.slow

MINI = Configuration(model="openai:gpt-4o-mini", agent="technical")
LARGE = Configuration(model="openai:gpt-4o", agent="technical")
LOCAL = Configuration(model="local:extractive", agent="technical")
QUESTION = "How do I change the port?"


@pytest.fixture
def runtime(tmp_path: Path, provider: ProviderServer) -> Iterator[Runtime]:
    provider.default = Reply(text="Set the port in the settings. [1]")
    with answering(tmp_path, provider) as built:
        yield built


def ask(runtime: Runtime, *configurations: Configuration, **options: bool) -> Comparison:
    found, problems = runtime.comparisons.ask(
        QUESTION, configurations or (MINI, LARGE), owner="local", **options
    )
    assert problems == []
    return ended(runtime, found)


def ended(runtime: Runtime, comparison: Comparison) -> Comparison:
    """As it stands when all runs of the last turn have ended and were looked at."""
    ids = [str(answer.run_id) for answer in comparison.turns[-1].answers]
    for run_id in ids:
        run = runtime.runs.get(run_id)
        assert run is not None
        for _ in run.follow():
            pass
    runtime.comparisons.settle(ids)
    return runtime.comparisons.store.get(comparison.id, "local")


def vote(
    runtime: Runtime, comparison: Comparison, outcome: Outcome, *order: tuple[int, ...]
) -> Vote:
    runtime.comparisons.votes.cast(
        comparison, comparison.turns[-1], outcome, order, voter="local", time_to_vote_us=5
    )
    found = runtime.comparisons.store.get(comparison.id, "local").votes[-1]
    assert found.outcome == outcome
    return found


def test_what_answers_cost_and_look_like_is_kept(runtime: Runtime) -> None:
    comparison = ask(runtime, MINI, LOCAL)
    first, second = (answer.facts for answer in comparison.turns[0].answers)
    assert first is not None
    assert second is not None
    assert (first.status, first.model, first.words, first.citations) == (
        "completed", "openai:gpt-4o-mini", 6, 1,
    )  # fmt: skip
    assert first.cost_pusd
    assert second.cost_pusd == 0


def test_a_blind_comparison_is_shuffled_by_its_seed(runtime: Runtime) -> None:
    comparison = ask(runtime, MINI, LARGE, LOCAL, blind=True)
    shown = [arm.configuration for arm in comparison.arms]
    assert shown == shuffled([MINI, LARGE, LOCAL], comparison.layout_seed)


def test_every_order_comes_up_about_as_often() -> None:
    orders = [tuple(shuffled([MINI, LARGE, LOCAL], seed)) for seed in range(6000)]
    counts = sorted(orders.count(order) for order in set(orders))
    assert len(counts) == 6
    assert counts[0] > 850


def test_an_open_comparison_keeps_its_order(runtime: Runtime) -> None:
    assert [arm.configuration for arm in ask(runtime, LARGE, MINI).arms] == [LARGE, MINI]


def test_who_answers_is_hidden_until_the_vote(runtime: Runtime) -> None:
    comparison = ask(runtime, MINI, LARGE, blind=True)
    assert comparison.hidden
    vote(runtime, comparison, "tie")
    assert not runtime.comparisons.store.get(comparison.id, "local").hidden


def test_a_blind_vote_has_no_flags_and_becomes_a_ballot(runtime: Runtime) -> None:
    comparison = ask(runtime, MINI, LARGE, blind=True)
    assert vote(runtime, comparison, "pick", (1,), (0,)).flags == ()
    (ballot,) = runtime.comparisons.votes.ballots("page")
    assert ballot.contestants == tuple(arm.configuration.key for arm in comparison.arms)
    assert (ballot.voter, ballot.outcome, ballot.order) == ("local", "pick", ((1,), (0,)))
    assert ballot.slices == {"agent": "technical", "language": "en"}
    assert [traits.tokens for traits in ballot.traits] != [None, None]


def test_votes_of_open_comparisons_are_flagged(runtime: Runtime) -> None:
    assert vote(runtime, ask(runtime), "tie").flags == ("revealed",)


def test_a_vote_that_is_changed_was_cast_knowing_who_answered(runtime: Runtime) -> None:
    comparison = ask(runtime, MINI, LARGE, blind=True)
    vote(runtime, comparison, "tie")
    again = runtime.comparisons.store.get(comparison.id, "local")
    assert vote(runtime, again, "both_bad").flags == ("revealed",)
    assert len(runtime.comparisons.votes.ballots("page")) == 1


def test_a_failed_column_flags_the_vote(runtime: Runtime, provider: ProviderServer) -> None:
    provider.by_model["gpt-4o"] = Reply(status=400)
    comparison = ask(runtime, MINI, LARGE, blind=True)
    assert vote(runtime, comparison, "tie").flags == ("arm_failed",)


def test_an_answer_that_names_its_writer_flags_the_vote(
    runtime: Runtime, provider: ProviderServer
) -> None:
    provider.by_model["gpt-4o"] = Reply(text="As GPT-4o, made by OpenAI, I would say 8501.")
    comparison = ask(runtime, MINI, LARGE, blind=True)
    assert vote(runtime, comparison, "tie").flags == ("identity_leak",)


@pytest.mark.parametrize(
    ("outcome", "order"),
    [
        ("pick", ()),
        ("pick", ((0,),)),
        ("pick", ((0,), (0, 1))),
        ("rank", ((0, 1),)),
        ("rank", ((0,), (1,), ())),
        ("rank", ((0,), (2,))),
        ("tie", ((0,), (1,))),
        ("best", ()),
    ],
)
def test_a_vote_that_does_not_fit_is_refused(
    runtime: Runtime, outcome: Outcome, order: tuple[tuple[int, ...], ...]
) -> None:
    comparison = ask(runtime)
    with pytest.raises(InvalidInput, match="does not fit"):
        runtime.comparisons.votes.cast(
            comparison, comparison.turns[0], outcome, order, voter="local"
        )


def test_each_column_remembers_its_own_answers(runtime: Runtime, provider: ProviderServer) -> None:
    provider.by_model["gpt-4o"] = Reply(text="The large one's answer.")
    comparison = ask(runtime)
    asked = len(provider.requests)
    found, _ = runtime.comparisons.follow_up(comparison, "And on Windows?")
    assert len(ended(runtime, found).turns) == 2
    history = {
        r.body["model"]: [m["content"] for m in r.body["messages"] if m["role"] == "assistant"]
        for r in provider.requests[asked:]
    }
    assert history == {
        "gpt-4o-mini": ["Set the port in the settings. [1]"],
        "gpt-4o": ["The large one's answer."],
    }


def test_asking_a_column_again_forgets_its_failed_try(
    runtime: Runtime, provider: ProviderServer
) -> None:
    comparison = ask(runtime)
    provider.by_model["gpt-4o"] = Reply(status=400)
    found, _ = runtime.comparisons.follow_up(comparison, "And on Windows?")
    failed = ended(runtime, found)
    assert failed.turns[1].answers[1].facts is not None
    assert failed.turns[1].answers[1].facts.status == "error"
    del provider.by_model["gpt-4o"]
    runtime.comparisons.retry(failed, 1)
    again = ended(runtime, runtime.comparisons.store.get(comparison.id, "local"))
    answer = again.turns[1].answers[1]
    assert (answer.tries, answer.facts.status if answer.facts else "") == (2, "completed")
    asked = [m["content"] for m in provider.requests[-1].body["messages"] if m["role"] == "user"]
    assert [text for text in asked if "Windows" in text] == ["And on Windows?"]
    assert again.arms[0] == failed.arms[0]


def test_a_column_goes_on_as_a_chat_and_stays_as_it_is(runtime: Runtime) -> None:
    comparison = ask(runtime)
    thread_id = runtime.comparisons.continue_as_chat(comparison, 1)
    assert [thread.id for thread in runtime.threads.recent("local")] == [thread_id]
    texts = [message.text for message in runtime.threads.messages(thread_id, "local")]
    assert texts == [QUESTION, "Set the port in the settings. [1]"]
    assert runtime.comparisons.store.get(comparison.id, "local") == comparison


def test_the_chat_of_a_column_remembers_it(runtime: Runtime, provider: ProviderServer) -> None:
    from agents.run import TurnRequest

    thread_id = runtime.comparisons.continue_as_chat(ask(runtime), 0)
    run = runtime.start(TurnRequest(text="And then?", thread_id=thread_id, agent="technical"))
    for _ in run.follow():
        pass
    roles = [m["role"] for m in provider.requests[-1].body["messages"]]
    assert roles.count("assistant") == 1


def test_deleting_a_comparison_keeps_its_votes(runtime: Runtime) -> None:
    comparison = ask(runtime, MINI, LARGE, blind=True)
    vote(runtime, comparison, "tie")
    runtime.comparisons.delete(comparison)
    with pytest.raises(NotFound):
        runtime.comparisons.store.get(comparison.id, "local")
    assert runtime.threads.recent("local", kind="compare") == []
    assert len(runtime.comparisons.votes.ballots("page")) == 1


def test_what_answers_cost_survives_their_threads(runtime: Runtime) -> None:
    found, _ = runtime.comparisons.ask(QUESTION, (MINI, LARGE), owner="local")
    for answer in found.turns[0].answers:
        run = runtime.runs.get(str(answer.run_id))
        assert run is not None
        for _ in run.follow():
            pass
    for arm in found.arms:
        runtime.delete_thread(arm.thread_id, "local")
    facts = runtime.comparisons.store.get(found.id, "local").turns[0].answers[0].facts
    assert facts is not None
    assert (facts.status, facts.output_tokens is not None) == ("completed", True)


def test_another_person_does_not_see_it(runtime: Runtime) -> None:
    comparison = ask(runtime)
    with pytest.raises(NotFound):
        runtime.comparisons.store.get(comparison.id, "eve")


def test_a_column_that_cannot_start_leaves_the_others_alone(
    tmp_path: Path, provider: ProviderServer
) -> None:
    with answering(tmp_path, provider, max_concurrent_runs=1, max_queued_runs=0) as runtime:
        found, problems = runtime.comparisons.ask(QUESTION, (LOCAL, MINI), owner="local")
        assert [problem.code for problem in problems] == ["overloaded"]
        statuses = [answer.facts and answer.facts.status for answer in found.turns[0].answers]
        assert statuses == [None, "not_started"]


def test_nothing_is_kept_when_a_column_can_never_run(runtime: Runtime) -> None:
    wrong = Configuration(graph="react", agent="billing")
    with pytest.raises(InvalidInput):
        runtime.comparisons.ask(QUESTION, (MINI, wrong), owner="local")
    assert runtime.comparisons.store.recent("local") == []


def test_an_erased_person_s_votes_are_nobody_s(runtime: Runtime) -> None:
    comparison = ask(runtime, MINI, LARGE, blind=True)
    vote(runtime, comparison, "tie")
    runtime.comparisons.lineups.save("local", "Mine", (MINI, LARGE))
    runtime.erase_person("local")
    (ballot,) = runtime.comparisons.votes.ballots("page")
    assert ballot.voter.startswith("erased-")
    assert runtime.comparisons.store.recent("local") == []
    assert runtime.comparisons.lineups.list("local") == []


def test_line_ups_are_kept_by_name(runtime: Runtime) -> None:
    lineups = runtime.comparisons.lineups
    lineups.save("local", " Small  ones ", (MINI, LOCAL))
    lineups.save("local", "Small ones", (MINI, LARGE, LOCAL))
    (lineup,) = lineups.list("local")
    assert (lineup.name, lineup.configurations) == ("Small ones", (MINI, LARGE, LOCAL))
    with pytest.raises(InvalidInput, match="2 to 6"):
        lineups.save("local", "One", (MINI,))


def judged(runtime: Runtime, model: str = "openai:gpt-4.1-mini") -> JudgeProgress:
    runtime.comparisons.judging.start(model, "local")
    thread = runtime.comparisons.judging._thread
    if thread is not None:
        thread.join(20)
    progress = runtime.comparisons.judging.progress()
    assert progress is not None
    return progress


def test_a_judge_votes_on_what_a_person_voted_on(
    runtime: Runtime, provider: ProviderServer
) -> None:
    provider.by_model["gpt-4o"] = Reply(text="The better answer.")
    provider.respond = judge_says(prefers="better")
    comparison = ask(runtime, MINI, LARGE, blind=True)
    vote(runtime, comparison, "tie")
    ask(runtime, MINI, LARGE, blind=True)  # nobody voted on this one
    assert judged(runtime) == JudgeProgress(
        model="openai:gpt-4.1-mini", done=1, total=1, running=False
    )
    (ballot,) = runtime.comparisons.votes.ballots("judge:openai:gpt-4.1-mini")
    best = ballot.contestants[ballot.order[0][0]]
    assert (best, ballot.question) == (LARGE.key, comparison.id)


def test_a_judge_is_not_asked_twice(runtime: Runtime, provider: ProviderServer) -> None:
    provider.by_model["gpt-4.1-mini"] = Reply(text='{"verdict": "A", "reason": "First."}')
    vote(runtime, ask(runtime, MINI, LARGE, LOCAL, blind=True), "tie")
    assert judged(runtime).total == 3
    ballots = runtime.comparisons.votes.ballots("judge:openai:gpt-4.1-mini")
    assert [ballot.outcome for ballot in ballots] == ["tie"] * 3  # it always says the first
    assert judged(runtime).total == 0


def test_a_judge_that_cannot_be_reached_says_why(
    runtime: Runtime, provider: ProviderServer
) -> None:
    provider.by_model["gpt-4.1-mini"] = Reply(status=401)
    vote(runtime, ask(runtime, MINI, LARGE, blind=True), "tie")
    progress = judged(runtime)
    assert (progress.done, progress.running) == (0, False)
    assert "key" in progress.problem


def battles(count: int, voter: str = "v") -> list[Ballot]:
    return [
        Ballot(voter=f"{voter}{n}", contestants=("GPT *x*", "Claude"), outcome="tie", at_us=n)
        for n in range(count)
    ]


def test_imported_battles_are_a_source_of_their_own(runtime: Runtime) -> None:
    votes = runtime.comparisons.votes
    import_id = votes.add_import(" Arena  week 1 ", "d1", battles(3))
    assert votes.sources() == {f"import:{import_id}": 3}
    assert votes.ballots(f"import:{import_id}") == battles(3)
    assert [(one["name"], one["votes"]) for one in votes.imports()] == [("Arena week 1", 3)]
    with pytest.raises(InvalidInput, match="already, as 'Arena week 1'"):
        votes.add_import("Again", "d1", battles(3))
    votes.delete_import(import_id)
    assert votes.sources() == {}


def test_what_a_killed_import_left_is_not_counted_and_goes_with_the_next(runtime: Runtime) -> None:
    votes = runtime.comparisons.votes
    votes.add("import:killed", battles(2))
    assert votes.sources() == {}
    votes.add_import("Whole", "d2", battles(1, "w"))
    assert votes.ballots("import:killed") == []


def test_a_changed_vote_changes_the_version(runtime: Runtime) -> None:
    comparison = ask(runtime, MINI, LARGE)
    vote(runtime, comparison, "tie")
    before = runtime.comparisons.votes.version()
    vote(runtime, runtime.comparisons.store.get(comparison.id, "local"), "both_bad")
    assert runtime.comparisons.votes.version() != before


def test_the_time_to_vote_is_kept(runtime: Runtime) -> None:
    vote(runtime, ask(runtime), "tie")
    assert runtime.comparisons.votes.times_to_vote(["page"]) == [5]


def test_a_question_to_columns_that_still_answer_is_refused_and_leaves_nothing(
    runtime: Runtime, provider: ProviderServer
) -> None:
    """It made a turn in which the busy columns could not start."""
    provider.by_model["gpt-4o"] = Reply(text="one two three four five", per_token_ms=200)
    found, _ = runtime.comparisons.ask(QUESTION, (MINI, LARGE), owner="local")
    with pytest.raises(ThreadBusy, match="still answer"):
        runtime.comparisons.follow_up(found, "And then?")
    assert len(runtime.comparisons.store.get(found.id, "local").turns) == 1
    ended(runtime, found)


def test_what_the_judge_was_asked_goes_with_the_comparison(
    runtime: Runtime, provider: ProviderServer
) -> None:
    """Its prompts hold the question and both answers."""
    provider.by_model["gpt-4.1-mini"] = Reply(text='{"verdict": "A", "reason": "First."}')
    comparison = ask(runtime, MINI, LARGE, blind=True)
    vote(runtime, comparison, "tie")
    judged(runtime)
    assert runtime.comparisons.store.titles([comparison.id]) == {comparison.id: QUESTION}
    runtime.comparisons.delete(comparison)
    assert runtime.threads.recent("local", kind="eval") == []
